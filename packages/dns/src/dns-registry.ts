import { setMaxListeners } from "node:events";
import { type Logger, type Registry, RpcError, type Runtime, type Snapshot } from "@skein/core";
import { askAgain, Malformed, SharedWatches, summarize } from "@skein/registry/backend";
import { type Look, lookForInstances } from "./dns-look.ts";
import { isWithin } from "./dns-name.ts";
import { DnsResolver } from "./dns-resolver.ts";
import { systemServers } from "./dns-servers.ts";
import { type DnsUrl, parseDnsUrl } from "./dns-url.ts";

const TIMEOUT_MS = 1000;
/** Whatever a record's TTL: a name that moves is followed within this. */
const MOST_TTL_MS = 30_000;

export interface DnsRegistryOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly namespace: string | undefined;
}

/**
 * Reads instances from DNS; read-only. The name is asked for as it is (no search domains), again by TTL (1 s to 30 s):
 * - `dns+srv://{service}.service.consul?server=127.0.0.1:8600`, `v1.{service}.service.consul`, `{service}.service.dc1.consul`: Consul;
 * - `dns+srv://_skein._tcp.{service}.default.svc.cluster.local`: SRV records of a port of Kubernetes headless services;
 * - `dns+srv://{service}.default.svc.cluster.local?type=a&port=8080`: A records, or AAAA where there are none;
 * - `dns+srv://user.service.consul`: one service, the others have no instances.
 *
 * `{namespace}` stands for the namespace; without it, that separates nothing. Dots in a service's name are written as dashes.
 *
 * Parameters: `server` (`host:port`, several with commas; default the system's, port 53) · `type` (`srv` or `a`; default `srv`) · `port` (with
 * `type=a`) · `service` (which one a name without `{service}` means, where it does not show) · `version` (of all instances; default `0.0.0`) ·
 * `minTtl` (between two questions, default `1s`) · `transport` (`udp` or `tcp`; default `tcp` for names in `.consul`, else `udp`).
 *
 * DNS has no list of services: with `{service}`, list() tells those that were asked for so far. Throws INVALID_ARGUMENT, naming the part of the URL
 * that is wrong.
 */
export function createRegistry(url: string, options: DnsRegistryOptions): Registry {
  const { runtime, logger } = options;
  const at = parseDnsUrl(url, options.namespace);
  const abort = new AbortController();
  setMaxListeners(0, abort.signal);
  const malformed = new Malformed(logger);
  const looks = new Looks(at, runtime, malformed);
  const watches = new SharedWatches((service, tell) => {
    if (looks.serves(service)) return watchNamed(service, tell);
    tell.found(NOBODY);
    return () => {};
  });
  const watchNamed = askAgain({ runtime, ask: (service, _, signal) => looks.look(service, signal) });
  const get = async (service: string): Promise<Snapshot> => {
    abort.signal.throwIfAborted();
    return looks.serves(service) ? (await looks.look(service, abort.signal)).snapshot : NOBODY;
  };
  return {
    name: at.shown,
    readOnly: true,
    get malformed() {
      return malformed.count;
    },
    lease: () =>
      Promise.reject(
        new RpcError(
          "FAILED_PRECONDITION",
          `the registry ${at.shown} is read-only: services cannot announce themselves in DNS`,
          { executed: "no" },
        ),
      ),
    watch: (service, { signal }) => watches.watch(service, signal),
    get,
    async list() {
      if (at.service === undefined)
        logger.info(
          { registry: at.shown },
          "DNS has no list of services: told are those that were asked for so far",
        );
      const snapshots = await Promise.all(looks.services.map(get));
      return summarize(snapshots.flatMap((s) => s.instances));
    },
    async close() {
      watches.close();
      abort.abort(new Error(`the registry ${at.shown} is closed`));
    },
  };
}

interface Seen {
  readonly said: string;
  readonly revision: number;
  readonly targets: Look["targets"];
}

const NOBODY: Snapshot = { instances: [], revision: 0 };

/** Looks for services, and remembers what was seen. */
class Looks {
  readonly #url: DnsUrl;
  readonly #resolver: DnsResolver;
  readonly #malformed: Malformed;
  /** By service. */
  readonly #seen = new Map<string, Seen>();
  #revision = 0;
  /** Somebody who answers for Consul has answered. */
  #consulKnown = false;

  constructor(url: DnsUrl, runtime: Runtime, malformed: Malformed) {
    this.#url = url;
    this.#malformed = malformed;
    this.#resolver = new DnsResolver({
      runtime,
      servers: () => url.servers ?? systemServers(),
      transport: url.transport,
      timeoutMs: TIMEOUT_MS,
    });
  }

  get services(): readonly string[] {
    return this.#url.service === undefined ? [...this.#seen.keys()] : [this.#url.service];
  }

  serves(service: string): boolean {
    return this.#url.nameOf(service) !== undefined;
  }

  async look(
    service: string,
    signal: AbortSignal,
  ): Promise<{ readonly snapshot: Snapshot; readonly waitMs: number }> {
    const { instances, ttlMs, skipped, targets } = await this.#ask(service, signal);
    const prefix = `${service} `;
    this.#malformed.seen(new Map([...skipped].map(([key, why]) => [prefix + key, why])), (key) =>
      key.startsWith(prefix),
    );
    const said = JSON.stringify(instances);
    const seen = this.#seen.get(service);
    const revision = seen?.said === said ? seen.revision : ++this.#revision;
    this.#seen.set(service, { said, revision, targets });
    const waitMs = Math.max(this.#url.minTtlMs, Math.min(ttlMs, MOST_TTL_MS));
    return { snapshot: { instances, revision }, waitMs };
  }

  async #ask(service: string, signal: AbortSignal): Promise<Look> {
    const { version, port, servers } = this.#url;
    const name = this.#url.nameOf(service) as string;
    const looked = lookForInstances({
      resolver: this.#resolver,
      name,
      service,
      version,
      port,
      targets: this.#seen.get(service)?.targets ?? new Map(),
      signal,
    });
    if (servers !== undefined || !isWithin(name, "consul")) return await looked;
    const look = await looked.catch((error: Error) => {
      throw consulFault(error.message, error);
    });
    const { zone } = look;
    this.#consulKnown ||= look.instances.length > 0 || (zone !== undefined && isWithin(zone, "consul"));
    // The world's DNS says of all names in .consul that they are not there.
    if (!this.#consulKnown) throw consulFault(`${name}: no such name`);
    return look;
  }
}

function consulFault(message: string, cause?: unknown): RpcError {
  const hint =
    "asked were the system's servers, of /etc/resolv.conf; where they do not know .consul, name Consul's with ?server=host:8600";
  return new RpcError("UNAVAILABLE", `${message} (${hint})`, { cause });
}
