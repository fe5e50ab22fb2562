import { RpcError, type Runtime } from "@skein/core";
import type { Answer, SoaAnswer } from "dns-packet";
import { askTcp, askUdp, NoAnswerError } from "./dns-exchange.ts";
import { type DnsMessage, question, type RecordType } from "./dns-message.ts";
import { dnsNameFault, foldName } from "./dns-name.ts";
import { addressOf, type DnsServer } from "./dns-servers.ts";

/** What a name has. */
export interface Found {
  /** Of the type that was asked for; none where there is no such name, or where it has none. */
  readonly records: readonly Answer[];
  /** False: there is no such name, whatever the type. */
  readonly exists: boolean;
  /** What the server told along: addresses of targets. */
  readonly additionals: readonly Answer[];
  /** How long it may be believed, ms; as the server says. */
  readonly ttlMs: number;
  /** Where there are no records: the zone that has none, if the server said which. */
  readonly zone: string | undefined;
}

export interface ResolverOptions {
  readonly runtime: Pick<Runtime, "clock">;
  /** Asked for each query. */
  readonly servers: () => readonly DnsServer[];
  /** By UDP, a truncated answer is asked for again by TCP. */
  readonly transport: "udp" | "tcp";
  /** Of each try; a server has two. */
  readonly timeoutMs: number;
}

const TRIES = 2;
const MOST_ALIASES = 8;
const MOST_TTL_S = 2 ** 31 - 1;

/** Asks DNS servers, the one that answered last first. */
export class DnsResolver {
  readonly #options: ResolverOptions;
  #good = "";

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /** A name that is not there is found to have nothing. Rejects with UNAVAILABLE when no server says either. */
  async ask(name: string, type: RecordType, signal: AbortSignal): Promise<Found> {
    const fault = dnsNameFault(name);
    if (fault !== undefined) throw new RpcError("INVALID_ARGUMENT", fault, { executed: "no" });
    let at = foldName(name);
    let ttlS = MOST_TTL_S;
    for (let hops = 0; hops < MOST_ALIASES; hops++) {
      const message = await this.#query(at, type, signal);
      const end = followed(message, at);
      ttlS = Math.min(ttlS, end.ttlS);
      const records = ofName(message.answers, end.name).filter((r) => r.type === type);
      const done = records.length > 0 || end.name === at || message.rcode === "NXDOMAIN";
      if (done) return found(message, records, ttlS);
      at = end.name;
    }
    throw new RpcError("UNAVAILABLE", `${name} ${type}: more than ${MOST_ALIASES} CNAMEs one after another`);
  }

  async #query(name: string, type: RecordType, signal: AbortSignal): Promise<DnsMessage> {
    const all = this.#options.servers();
    const servers = [
      ...all.filter((s) => s.shown === this.#good),
      ...all.filter((s) => s.shown !== this.#good),
    ];
    const faults: string[] = [];
    for (const server of servers) {
      const answer = await this.#askServer(server, name, type, signal);
      if (typeof answer === "string") {
        faults.push(`${server.shown}: ${answer}`);
        continue;
      }
      this.#good = server.shown;
      return answer;
    }
    const because = faults.length === 0 ? "the system has no DNS servers" : faults.join("; ");
    throw new RpcError("UNAVAILABLE", `${name} ${type}: ${because}`);
  }

  /** The answer, or why there is none. */
  async #askServer(
    server: DnsServer,
    name: string,
    type: RecordType,
    signal: AbortSignal,
  ): Promise<DnsMessage | string> {
    let fault = "";
    for (let attempt = 0; attempt < TRIES; attempt++) {
      try {
        const message = await this.#tryServer(server, name, type, attempt, signal);
        if (message.rcode === "NOERROR" || message.rcode === "NXDOMAIN") return message;
        fault = message.rcode;
        // Without EDNS it may understand.
        if (fault !== "FORMERR" && fault !== "NOTIMP") return fault;
      } catch (error) {
        signal.throwIfAborted();
        fault = (error as Error).message;
        if (!(error instanceof NoAnswerError)) return fault;
      }
    }
    return fault;
  }

  async #tryServer(
    server: DnsServer,
    name: string,
    type: RecordType,
    attempt: number,
    signal: AbortSignal,
  ): Promise<DnsMessage> {
    const { runtime, timeoutMs, transport } = this.#options;
    const { clock } = runtime;
    const address = await addressOf(server, { clock, timeoutMs, signal });
    const exchange = { address, port: server.port, clock, timeoutMs, signal };
    const asked = question(name, type, attempt === 0);
    if (transport === "udp") {
      const message = await askUdp(asked, exchange);
      if (!message.flag_tc) return message;
    }
    return await askTcp(asked, exchange);
  }
}

/** Records of a name, in the one class that is meant. */
export function ofName(records: readonly Answer[] | undefined, name: string): readonly Answer[] {
  const folded = foldName(name);
  return (records ?? []).filter((r) => r.type !== "OPT" && r.class === "IN" && foldName(r.name) === folded);
}

/** Seconds; TTLs with the highest bit set are none. */
export function ttlOf(record: Answer): number {
  const ttl = "ttl" in record ? (record.ttl ?? 0) : 0;
  return ttl > MOST_TTL_S ? 0 : ttl;
}

/** Where a name's aliases lead within an answer. */
function followed(message: DnsMessage, from: string): { readonly name: string; readonly ttlS: number } {
  let name = from;
  let ttlS = MOST_TTL_S;
  for (let hops = 0; hops < MOST_ALIASES; hops++) {
    const alias = ofName(message.answers, name).find((r) => r.type === "CNAME");
    if (alias?.type !== "CNAME") break;
    ttlS = Math.min(ttlS, ttlOf(alias));
    name = foldName(alias.data);
  }
  return { name, ttlS };
}

function found(message: DnsMessage, records: readonly Answer[], ttlS: number): Found {
  const additionals = message.additionals ?? [];
  const exists = message.rcode !== "NXDOMAIN";
  if (records.length > 0) {
    const least = Math.min(ttlS, ...records.map(ttlOf));
    return { records, exists, additionals, ttlMs: least * 1000, zone: undefined };
  }
  const soa = message.authorities?.find((r): r is SoaAnswer => r.type === "SOA");
  const negative = soa === undefined ? 0 : Math.min(ttlOf(soa), soa.data.minimum ?? 0);
  const ttlMs = Math.min(ttlS, negative) * 1000;
  return { records, exists, additionals, ttlMs, zone: soa && foldName(soa.name) };
}
