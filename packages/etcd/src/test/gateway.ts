/** etcd by its JSON gateway: what an operator, or another client, does. */
export class Gateway {
  readonly #base: string;
  token: string | undefined;

  constructor(address: string) {
    this.#base = `http://${address}/v3`;
  }

  async ask(path: string, body: unknown = {}): Promise<Record<string, unknown>> {
    const response = await fetch(`${this.#base}/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: this.token === undefined ? {} : { authorization: this.token },
    });
    const answer = (await response.json()) as Record<string, unknown>;
    if (!response.ok) throw new Error(`${path}: ${JSON.stringify(answer)}`);
    return answer;
  }

  put(key: string, value: string): Promise<unknown> {
    return this.ask("kv/put", { key: base64(key), value: base64(value) });
  }

  async all(prefix = ""): Promise<ReadonlyMap<string, string>> {
    const from = prefix === "" ? "\0" : prefix;
    const { kvs = [] } = (await this.ask("kv/range", {
      key: base64(from),
      range_end: base64(endOf(prefix)),
    })) as {
      kvs?: { key: string; value?: string }[];
    };
    return new Map(kvs.map((kv) => [plain(kv.key), plain(kv.value ?? "")]));
  }

  async remove(prefix = ""): Promise<void> {
    const from = prefix === "" ? "\0" : prefix;
    await this.ask("kv/deleterange", { key: base64(from), range_end: base64(endOf(prefix)) });
  }

  async leases(): Promise<readonly string[]> {
    const { leases = [] } = (await this.ask("lease/leases")) as { leases?: { ID: string }[] };
    return leases.map((lease) => lease.ID);
  }

  /** Ends all leases, as an operator would. */
  async revokeAll(): Promise<void> {
    for (const ID of await this.leases()) await this.ask("lease/revoke", { ID });
  }

  async revision(): Promise<number> {
    const { header } = (await this.ask("kv/range", { key: base64("x") })) as { header: { revision: string } };
    return Number(header.revision);
  }

  compact(revision: number): Promise<unknown> {
    return this.ask("kv/compaction", { revision: String(revision), physical: true });
  }
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const plain = (text: string): string => Buffer.from(text, "base64").toString();
function endOf(prefix: string): string {
  if (prefix === "") return "\0";
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}
