import { RpcError, type Runtime } from "@skein/core";
import { pause } from "@skein/registry/backend";
import { type ConsulClient, ConsulError, isUnknown } from "./consul-client.ts";
import { askHealth, HiddenError } from "./consul-watch.ts";
import { type HealthEntry, isWell } from "./health-entries.ts";
import { recordOf } from "./meta-record.ts";
import type { ConsulStatus, Registration } from "./registration.ts";

/** What an agent takes goes on to the catalog by itself. Looked for so often, ms, and then more seldom; as something that fails from LONG_LOOK_MS on. */
const LOOK_MS = 10;
const LONG_LOOK_MS = 300;
const MOST_LOOK_MS = 500;
/** A removal is not held up for longer, ms. */
const GONE_MS = 1000;

/** The services of the agent that we speak to. */
export class AgentServices {
  readonly #client: ConsulClient;
  readonly #runtime: Runtime;
  readonly #seenMs: number;

  /** @param seenMs how long a registration may take to the catalog */
  constructor(client: ConsulClient, runtime: Runtime, seenMs: number) {
    this.#client = client;
    this.#runtime = runtime;
    this.#seenMs = seenMs;
  }

  /** Rejects when the agent cannot be reached, or has no server that could hold a registration. */
  async ready(signal?: AbortSignal): Promise<void> {
    const { shown } = this.#client;
    const { body } = await this.#client.ask({
      path: "/v1/status/leader",
      query: { dc: undefined },
      signal,
    });
    if (typeof body !== "string" || body === "")
      throw new RpcError("UNAVAILABLE", `${shown}: Consul has no leader: nothing can be registered`);
  }

  async register(registration: Registration): Promise<void> {
    await this.#put("/v1/agent/service/register", registration);
  }

  /** `unknown`: the agent has no such service. */
  async update(id: string, status: ConsulStatus): Promise<"updated" | "unknown"> {
    const verb = { passing: "pass", warning: "warn", critical: "fail" }[status];
    return (await this.#known(`/v1/agent/check/${verb}/service:${id}`)) ? "updated" : "unknown";
  }

  /** Whoever is not there any more is none the worse. */
  async deregister(id: string): Promise<void> {
    await this.#known(`/v1/agent/service/deregister/${id}`);
  }

  async #known(path: string): Promise<boolean> {
    try {
      await this.#put(path);
      return true;
    } catch (error) {
      if (error instanceof ConsulError && isUnknown(error)) return false;
      throw error;
    }
  }

  async #put(path: string, body?: unknown): Promise<void> {
    await this.#client.ask({ method: "PUT", path, body });
  }

  /** Whether the agent has all of these. */
  async hasAll(ids: readonly string[]): Promise<boolean> {
    const { body } = await this.#client.ask({ path: "/v1/agent/services" });
    if (typeof body !== "object" || body === null || Array.isArray(body))
      throw new RpcError("UNAVAILABLE", `${this.#client.shown}: GET /v1/agent/services: no services`);
    return ids.every((id) => Object.hasOwn(body, id));
  }

  /** Resolves once everybody can see what was written, and that it is well where `well` asks for that; rejects where that does not come to be. */
  async seen(name: string, id: string, written: number, well: boolean, signal: AbortSignal): Promise<void> {
    const there = ({ Service, Checks }: HealthEntry): boolean => {
      const record = recordOf(Service.Meta);
      if (record === undefined || record.written < written) return false;
      return !well || Checks.every((check) => isWell(check, record.instance));
    };
    const done = (entries: readonly HealthEntry[]): boolean => entries.some(there);
    if (await this.#look(name, patternOf(id), done, this.#seenMs, signal)) return;
    throw new RpcError(
      "UNAVAILABLE",
      `${this.#client.shown}: the agent took the service ${id}, but it is not in Consul's catalog after ${this.#seenMs} ms: see the agent's log (does its node pass its own checks? may the token write ${name}?)`,
    );
  }

  /** Resolves once nobody sees it any more, or after a second: it has left the agent, which tells the others. @param id may have a `*` */
  async gone(name: string, id: string): Promise<void> {
    await this.#look(name, patternOf(id), (entries) => entries.length === 0, GONE_MS).catch(() => false);
  }

  /** @returns false when time is over */
  async #look(
    name: string,
    pattern: string,
    done: (entries: readonly HealthEntry[]) => boolean,
    withinMs: number,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const { clock } = this.#runtime;
    const until = clock.fresh() + withinMs;
    const query = { filter: `Service.ID matches "^${pattern}$"`, dc: undefined };
    const ended = signal ?? new AbortController().signal;
    for (let wait = LOOK_MS; ; wait = Math.min(MOST_LOOK_MS, wait * 2)) {
      await pause(this.#runtime, wait, ended);
      const found = await askHealth(this.#client, name, { query, lane: "lease", signal: ended }).catch(
        believed,
      );
      if (found === undefined || done(found.entries)) return true;
      if (wait >= LONG_LOOK_MS) this.#client.failed();
      if (clock.fresh() >= until) return false;
    }
  }
}

/** For RE2; `*` stands for anything. */
function patternOf(id: string): string {
  return id.replaceAll(".", "[.]").replaceAll("*", ".*");
}

/** Who may register but not look must believe the agent. */
function believed(error: unknown): undefined {
  if (error instanceof HiddenError || (error instanceof ConsulError && error.status === 403)) return;
  throw error;
}
