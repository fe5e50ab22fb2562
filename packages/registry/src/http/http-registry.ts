import {
  type Instance,
  type Lease,
  type LeaseOptions,
  type Logger,
  type Registry,
  RpcError,
  type Runtime,
  type ServiceSummary,
  type Snapshot,
} from "@skein/core";
import { type Answer, askAgain } from "../backend/ask-again.ts";
import { durationParam, parseBackendUrl, urlFault } from "../backend/backend-url.ts";
import { instanceFrom } from "../backend/instance-record.ts";
import { JsonClient } from "../backend/json-client.ts";
import { Malformed } from "../backend/malformed.ts";
import { RateLimit } from "../backend/rate-limit.ts";
import { SharedWatches, type StartWatch } from "../backend/shared-watches.ts";
import { summarize } from "../summary.ts";
import { type Ask, askOf, noCentre } from "./ask.ts";
import { HttpLease } from "./http-lease.ts";

export interface HttpRegistryOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Keeps groups of services apart. @default the centre's own, "default" */
  readonly namespace?: string | undefined;
  /** Of the leases, ms: after a failure watches are well again within a third of it. @default 30_000 */
  readonly ttlMs?: number | undefined;
}

const EXAMPLE = "http://token@host:8800";
/** A long poll is answered after so long when nothing changed, ms. */
const WAIT_MS = 25_000;
/** On top of it, for the way there and back. */
const SLACK_MS = 5000;
/** Of a service a second: more changes than that are told together. */
const MOST_POLLS = { perSecond: 20, burst: 10 };
/** Before the next question, where something on the way does not hold them. */
const NOT_HELD_MS = 1000;
const CLOSE_MS = 2000;

/**
 * The HTTP registry centre (`skein registry`): `http://host:8800`, `https://host`, with a token `http://token@host:8800`. `?wait=25s` says how long a
 * question for changes is held. Watches are long polls, one a service. Throws INVALID_ARGUMENT, naming the part of the URL that is wrong.
 */
export function createHttpRegistry(url: string, options: HttpRegistryOptions): Registry {
  return new HttpRegistry(url, options);
}

interface Seen {
  readonly revision: number;
  readonly instances: readonly Instance[];
}

class HttpRegistry implements Registry {
  readonly name: string;
  readonly #runtime: Runtime;
  readonly #namespace: string | undefined;
  readonly #ttlMs: number | undefined;
  readonly #client: JsonClient;
  readonly #ask: Ask;
  readonly #waitMs: number;
  readonly #malformed: Malformed;
  readonly #watches: SharedWatches;
  readonly #leases = new Set<HttpLease>();
  #closing: Promise<void> | undefined;

  constructor(url: string, { runtime, logger, namespace, ttlMs }: HttpRegistryOptions) {
    const https = /^https:/i.test(url);
    const parsed = parseBackendUrl(url, {
      ...{ schemes: ["http", "https"], example: EXAMPLE, params: ["wait"], path: true },
      defaultPort: https ? 443 : 8800,
    });
    const { shown, scheme, hosts, path, username, password } = parsed;
    if (password !== undefined)
      throw urlFault(shown, `there is a password: give the token alone, as in ${EXAMPLE}`);
    this.name = shown;
    this.#runtime = runtime;
    this.#namespace = namespace;
    this.#ttlMs = ttlMs;
    this.#waitMs = durationParam(parsed, "wait", { fallback: WAIT_MS, least: 1000, most: 600_000 });
    const headers = username === undefined || username === "" ? {} : { authorization: `Bearer ${username}` };
    this.#client = new JsonClient(`${scheme}://${hosts[0]}${path}`, { runtime, shown, headers });
    this.#ask = askOf(this.#client, shown);
    this.#malformed = new Malformed(logger);
    this.#watches = new SharedWatches(this.#startWatch);
  }

  get malformed(): number {
    return this.#malformed.count;
  }

  /** Rejects where the token is missing or wrong, or what answers is no centre. A centre that is down may come. */
  async check(): Promise<void> {
    let health: Readonly<Record<string, unknown>>;
    try {
      health = await this.#ask({ path: "/health" });
    } catch (error) {
      const code = RpcError.is(error) ? error.code : undefined;
      if (code === "NOT_FOUND") throw noCentre(this.name);
      if (code === "UNAUTHENTICATED" || code === "PERMISSION_DENIED") throw error;
      return;
    }
    if (health.authorized === false)
      throw new RpcError("UNAUTHENTICATED", `${this.name}: a token is needed: give ${EXAMPLE}`, {
        executed: "no",
      });
  }

  async lease({ ttlMs, signal }: LeaseOptions): Promise<Lease> {
    signal?.throwIfAborted();
    if (this.#closing !== undefined) throw new Error(`the registry ${this.name} is closed`);
    const granted = await this.#ask({ method: "POST", path: "/lease", body: { ttlMs }, signal });
    if (typeof granted.lease !== "string" || typeof granted.ttlMs !== "number") throw noCentre(this.name);
    const as = { id: granted.lease, ttlMs: granted.ttlMs, namespace: this.#namespace };
    const lease: HttpLease = new HttpLease(as, this.#ask, () => this.#leases.delete(lease));
    this.#leases.add(lease);
    if (this.#closing !== undefined) await lease.release();
    return lease;
  }

  watch(service: string, { signal }: { readonly signal: AbortSignal }): AsyncIterable<Snapshot> {
    return this.#watches.watch(service, signal);
  }

  readonly #startWatch: StartWatch = (service, tell) => {
    const { clock } = this.#runtime;
    const limit = new RateLimit(this.#runtime, MOST_POLLS);
    // After a failure the answer must come at once: watchers are to know that all is well again.
    let index = 0;
    const ask = async (_: string, before: Snapshot | undefined, signal: AbortSignal): Promise<Answer> => {
      await limit.take(signal);
      const known = index;
      const asked = clock.fresh();
      index = 0;
      const snapshot = await this.#poll(service, known, before?.instances, signal);
      index = snapshot.revision;
      const held = index !== known || clock.fresh() - asked > this.#waitMs / 2;
      return held ? { snapshot } : { snapshot, waitMs: NOT_HELD_MS };
    };
    return askAgain({ runtime: this.#runtime, ask, ttlMs: this.#ttlMs })(service, tell);
  };

  async #poll(
    service: string,
    index: number,
    before: readonly Instance[] | undefined,
    signal: AbortSignal,
  ): Promise<Snapshot> {
    const query = { index: String(index), wait: `${this.#waitMs}ms` };
    const path = this.#path(`/services/${encodeURIComponent(service)}`, query);
    return this.#seen(service, await this.#ask({ path, signal, timeoutMs: this.#waitMs + SLACK_MS }), before);
  }

  #path(path: string, query: Readonly<Record<string, string>> = {}): string {
    const named = this.#namespace === undefined ? {} : { namespace: this.#namespace };
    const text = new URLSearchParams({ ...query, ...named }).toString();
    return text === "" ? path : `${path}?${text}`;
  }

  async get(service: string): Promise<Snapshot> {
    const path = this.#path(`/services/${encodeURIComponent(service)}`);
    return this.#seen(service, await this.#ask({ path }));
  }

  async list(): Promise<readonly ServiceSummary[]> {
    const { services } = await this.#ask({ path: this.#path("/services") });
    if (!Array.isArray(services)) throw noCentre(this.name);
    const records = services.flatMap((s: { instances?: unknown } | null) =>
      Array.isArray(s?.instances) ? (s.instances as unknown[]) : [],
    );
    return summarize(this.#sound(records, () => true));
  }

  /** @param before what is likely to be there again: it is not read anew */
  #seen(
    service: string,
    { index, instances }: Readonly<Record<string, unknown>>,
    before: readonly Instance[] = [],
  ): Seen {
    if (typeof index !== "number" || !Array.isArray(instances)) throw noCentre(this.name);
    const prefix = `${service}/`;
    const sound = this.#sound(instances, (key) => key.startsWith(prefix), service, before);
    return { revision: index, instances: sound };
  }

  /** Those that are instances, of the service if one is named. @param of see Malformed.seen */
  #sound(
    records: readonly unknown[],
    of: (key: string) => boolean,
    service?: string,
    before: readonly Instance[] = [],
  ): readonly Instance[] {
    const known = new Map(before.map((instance) => [instance.id, instance]));
    const skipped = new Map<string, string>();
    const sound: Instance[] = [];
    for (const [n, record] of records.entries()) {
      const instance = instanceFrom(record, known.get((record as { id?: unknown } | null)?.id as string));
      if (instance !== undefined && (service === undefined || instance.service === service))
        sound.push(instance);
      else skipped.set(keyOf(record, n, service), "it is no instance of this service");
    }
    this.#malformed.seen(skipped, of);
    return sound;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#watches.close();
    const timer = this.#runtime.clock.setTimer(CLOSE_MS, () => this.#client.close());
    // What could not be released ends by its time.
    await Promise.allSettled([...this.#leases].map((lease) => lease.release()));
    timer.cancel();
    this.#client.close();
  }
}

function keyOf(record: unknown, n: number, service: string | undefined): string {
  const { service: named, id } = (record ?? {}) as { service?: unknown; id?: unknown };
  return `${service ?? String(named).slice(0, 80)}/${typeof id === "string" ? id.slice(0, 80) : `number ${n}`}`;
}
