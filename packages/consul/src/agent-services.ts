import { RpcError, type Runtime } from "@skein/core";
import { pause } from "@skein/registry/backend";
import { type ConsulClient, ConsulError } from "./consul-client.ts";
import { askHealth, HiddenError } from "./consul-watch.ts";
import { type HealthEntry, isWell } from "./health-entries.ts";
import { recordOf } from "./meta-record.ts";
import type { Registration } from "./registration.ts";

/** What an agent takes goes on to the catalog by itself; looked for so often at first, then more seldom, ms. */
const LOOK_MS = 10;
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
      urgent: true,
      signal,
    });
    if (typeof body !== "string" || body === "")
      throw new RpcError("UNAVAILABLE", `${shown}: Consul has no leader: nothing can be registered`);
  }

  async register(registration: Registration): Promise<void> {
    await this.#put("/v1/agent/service/register", registration);
  }

  /** `unknown`: the agent has no such service. */
  async pass(id: string, status: "passing" | "warning"): Promise<"passed" | "unknown"> {
    const verb = status === "passing" ? "pass" : "warn";
    return (await this.#known(`/v1/agent/check/${verb}/service:${id}`)) ? "passed" : "unknown";
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
    await this.#client.ask({ method: "PUT", path, body, urgent: true });
  }

  /** Whether the agent has all of these. */
  async hasAll(ids: readonly string[]): Promise<boolean> {
    const { body } = await this.#client.ask({ path: "/v1/agent/services", urgent: true });
    if (typeof body !== "object" || body === null || Array.isArray(body))
      throw new RpcError("UNAVAILABLE", `${this.#client.shown}: GET /v1/agent/services: no services`);
    return ids.every((id) => Object.hasOwn(body, id));
  }

  /** Resolves once everybody can see what was written; rejects where that does not come to be. */
  async seen(name: string, id: string, written: number): Promise<void> {
    const there = ({ Service, Checks }: HealthEntry): boolean =>
      (recordOf(Service.Meta)?.written ?? 0) >= written && Checks.every(({ Status }) => isWell(Status, true));
    if (await this.#look(name, id.replaceAll(".", "[.]"), (entries) => entries.some(there), this.#seenMs))
      return;
    throw new RpcError(
      "UNAVAILABLE",
      `${this.#client.shown}: the agent took the service ${id}, but it is not in Consul's catalog after ${this.#seenMs} ms: see the agent's log (does its node pass its own checks? may the token write ${name}?)`,
    );
  }

  /** Resolves once nobody sees it any more, or after a second: it has left the agent, which tells the others. @param id a pattern (RE2) */
  async gone(name: string, id: string): Promise<void> {
    await this.#look(name, id, (entries) => entries.length === 0, GONE_MS).catch(() => false);
  }

  /** @returns false when time is over */
  async #look(
    name: string,
    id: string,
    done: (entries: readonly HealthEntry[]) => boolean,
    withinMs: number,
  ): Promise<boolean> {
    const { clock } = this.#runtime;
    const until = clock.fresh() + withinMs;
    const filter = `Service.ID matches "^${id}$"`;
    const here = { filter, dc: undefined };
    const { signal } = new AbortController();
    for (let wait = LOOK_MS; ; wait = Math.min(MOST_LOOK_MS, wait * 2)) {
      await pause(this.#runtime, wait, signal);
      const free = wait === LOOK_MS;
      try {
        const { entries } = await askHealth(this.#client, name, { query: here, urgent: true, free });
        if (done(entries)) return true;
      } catch (error) {
        // Who may register but not look must believe the agent.
        if (error instanceof HiddenError || (error instanceof ConsulError && error.status === 403))
          return true;
        throw error;
      }
      if (clock.fresh() > until) return false;
    }
  }
}

/** 404 today; of old a 500 that says so. */
function isUnknown({ status, said }: ConsulError): boolean {
  return (
    (status === 404 && /unknown (check|service)/i.test(said)) ||
    (status === 500 && /unknown (check|service)|does not have associated TTL/i.test(said))
  );
}
