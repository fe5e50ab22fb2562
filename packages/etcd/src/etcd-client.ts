import { LeaseLostError, type Logger } from "@skein/core";
import type {
  IKeyValue,
  ILeaseGrantResponse,
  ILeaseKeepAliveResponse,
  IRangeResponse,
  IResponseHeader,
  ITxnRequest,
  IWatchRequest,
  IWatchResponse,
} from "etcd3";
import { detailsOf, EtcdHosts, plain } from "./etcd-hosts.ts";
import type { Change, EtcdPort, KeyValue, WatchHandlers } from "./etcd-port.ts";
import type { EtcdTarget } from "./etcd-url.ts";
import type { StoredRecord } from "./layouts/layout.ts";
import { type Asked, Revisions } from "./revisions.ts";

/** Keys a question, so that decoding a page blocks nobody for long. */
const PAGE = 500;
const KEEP_ALIVE_MS = 5000;
/** A watch that etcd has not confirmed for so long is none, ms. */
const WATCH_CREATED_MS = 5000;

type Answered = { readonly header?: IResponseHeader | undefined };

/** etcd over gRPC. */
export function createEtcdClient(target: EtcdTarget, logger: Logger, random: () => number): EtcdPort {
  return new EtcdClient(target, logger, random);
}

class EtcdClient implements EtcdPort {
  readonly revisions = new Revisions();
  readonly #hosts: EtcdHosts;
  readonly #prefixes: readonly string[];
  readonly #watches = new Set<() => void>();

  constructor(target: EtcdTarget, logger: Logger, random: () => number) {
    this.#hosts = new EtcdHosts(target, logger, random);
    this.#prefixes = target.layouts.map((layout) => layout.root ?? layout.prefixOf("any"));
  }

  async #ask<Answer extends Answered>(
    service: "KV" | "Lease",
    method: string,
    request: unknown,
  ): Promise<Answer> {
    const asked = this.revisions.ask();
    const answer = await this.#hosts.ask<Answer>(service, method, request);
    this.#saw(answer.header, asked);
    return answer;
  }

  #saw(header: IResponseHeader | undefined, asked: Asked): void {
    this.revisions.answered(Number(header?.revision ?? 0), asked);
  }

  async check(): Promise<void> {
    try {
      for (const prefix of this.#prefixes) await this.#page(Buffer.from(prefix), endOf(prefix), undefined, 1);
    } catch (error) {
      // A store that is away may come; one that refuses us will not change its mind.
      if ((error as { code?: string }).code === "FAILED_PRECONDITION") throw error;
    }
  }

  async grant(ttlSeconds: number): Promise<{ readonly lease: string; readonly ttlSeconds: number }> {
    const { ID, TTL } = await this.#ask<ILeaseGrantResponse>("Lease", "leaseGrant", {
      TTL: String(ttlSeconds),
      ID: "0",
    });
    return { lease: ID, ttlSeconds: Number(TTL) };
  }

  /** A stream for each: it ends with the answer, and a host that went away is found at once. */
  async keepAlive(lease: string): Promise<number> {
    const asked = this.revisions.ask();
    const { stream, host, failed } = await this.#hosts.open("Lease", "leaseKeepAlive", {
      timeoutMs: KEEP_ALIVE_MS,
    });
    return new Promise((resolve, reject) => {
      stream.on("data", (answer: ILeaseKeepAliveResponse) => {
        this.#saw(answer.header, asked);
        resolve(Number(answer.TTL));
        stream.end();
      });
      stream.on("error", (error) => {
        failed(error);
        reject(plain(error, host));
      });
      stream.on("end", () => reject(plain(new Error("the keep-alive ended without an answer"), host)));
      stream.write({ ID: lease });
    });
  }

  async revoke(lease: string): Promise<void> {
    await this.#ask("Lease", "leaseRevoke", { ID: lease }).catch((error: unknown) => {
      if (!isLeaseLost(error)) throw error;
    });
  }

  async put(records: readonly StoredRecord[], lease: string): Promise<void> {
    const success = records.map(({ key, value }) => ({
      request_put: { key: Buffer.from(key), value: Buffer.from(value), lease },
    }));
    const request: ITxnRequest = { compare: [], success, failure: [] };
    await this.#ask("KV", "txn", request).catch((error: unknown) => {
      throw isLeaseLost(error)
        ? new LeaseLostError("etcd does not know the lease any more", { cause: error })
        : error;
    });
  }

  async removeHeld(keys: readonly string[], lease: string): Promise<void> {
    const remove = (key: Buffer): ITxnRequest => ({
      compare: [{ result: "Equal", target: "Lease", key, lease }],
      success: [{ request_delete_range: { key } }],
      failure: [],
    });
    await Promise.all(keys.map((key) => this.#ask("KV", "txn", remove(Buffer.from(key)))));
  }

  async list(
    prefix: string,
    onPage?: (records: readonly KeyValue[]) => void,
  ): Promise<{ readonly records: readonly KeyValue[]; readonly revision: number }> {
    const records: KeyValue[] = [];
    const end = endOf(prefix);
    let revision: number | undefined;
    for (let from = Buffer.from(prefix); ; ) {
      const page = await this.#page(from, end, revision, PAGE);
      // All pages are of the revision of the first.
      revision ??= Number(page.header.revision);
      const part = page.kvs.map(recordOf);
      records.push(...part);
      onPage?.(part);
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { records, revision };
      from = Buffer.concat([last.key, Buffer.alloc(1)]);
    }
  }

  #page(key: Buffer, end: Buffer, revision: number | undefined, limit: number): Promise<IRangeResponse> {
    const at = revision === undefined ? {} : { revision: String(revision) };
    return this.#ask<IRangeResponse>("KV", "range", { key, range_end: end, limit: String(limit), ...at });
  }

  watch(prefix: string, from: number, handlers: WatchHandlers): () => void {
    let over = false;
    let cancel = (): void => {};
    const finish = (): boolean => {
      if (over) return false;
      over = true;
      clearTimeout(timer);
      this.#watches.delete(stop);
      cancel();
      return true;
    };
    const end = (error: Error): void => {
      if (finish()) handlers.ended(error);
    };
    const stop = (): void => void finish();
    this.#watches.add(stop);
    const timer = setTimeout(
      () => end(new Error(`etcd did not confirm the watch of ${prefix} within ${WATCH_CREATED_MS} ms`)),
      WATCH_CREATED_MS,
    );
    timer.unref();
    const asked = this.revisions.ask();
    this.#hosts.open("Watch", "watch").then(
      ({ stream, host, failed }) => {
        cancel = () => stream.cancel();
        stream.on("error", (error) => {
          if (over) return;
          failed(error);
          end(plain(error, host));
        });
        stream.on("end", () => end(new Error(`etcd ${host} ended the watch`)));
        if (over) return stream.cancel();
        stream.on("data", (answer: IWatchResponse) => {
          if (over) return;
          // Events come in their own order, but others may know more already.
          this.#saw(answer.header, answer.created ? asked : { ...asked, revision: 0 });
          if (answer.canceled) {
            const error = canceled(answer);
            failed(error);
            return end(plain(error, host));
          }
          if (answer.created) clearTimeout(timer);
          if (answer.events.length > 0)
            handlers.changed(answer.events.map(changeOf), Number(answer.header.revision));
        });
        const request: IWatchRequest = {
          create_request: {
            key: Buffer.from(prefix),
            range_end: endOf(prefix),
            start_revision: String(from),
          },
        };
        stream.write(request);
      },
      (error: Error) => end(error),
    );
    return stop;
  }

  close(): void {
    for (const stop of [...this.#watches]) stop();
    this.#hosts.close();
  }
}

function canceled({ compact_revision, cancel_reason }: IWatchResponse): Error {
  const compacted =
    Number(compact_revision) > 0 ? `what came before revision ${compact_revision} is compacted` : "";
  return new Error(`the watch was refused: ${cancel_reason || compacted || "no reason was given"}`);
}

function recordOf(kv: IKeyValue): KeyValue {
  return { key: kv.key.toString(), value: kv.value.toString(), revision: Number(kv.mod_revision) };
}

function changeOf({ type, kv }: IWatchResponse["events"][number]): Change {
  const deleted = String(type).toUpperCase() === "DELETE";
  return {
    key: kv.key.toString(),
    value: deleted ? undefined : kv.value.toString(),
    revision: Number(kv.mod_revision),
  };
}

function isLeaseLost(error: unknown): boolean {
  const { cause } = error as { cause?: unknown };
  return detailsOf(cause ?? error).includes("requested lease not found");
}

/** The first key after all that begin with `prefix`. */
function endOf(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  const last = end.length - 1;
  // Prefixes end with a slash.
  end[last] = (end[last] as number) + 1;
  return end;
}
