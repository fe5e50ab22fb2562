import { setMaxListeners } from "node:events";
import { type Instance, type Lease, LeaseLostError, type Runtime } from "@skein/core";
import { checkInstance } from "@skein/registry/backend";
import type { AgentServices } from "./agent-services.ts";
import { type RegistrationOptions, registrationOf, serviceId, statusOf } from "./registration.ts";

interface Held {
  readonly serviceId: string;
  readonly name: string;
  /** What was put and confirmed; undefined: one cannot say whether the agent has it. */
  confirmed: Instance | undefined;
}

export interface ConsulLeaseOptions extends RegistrationOptions {
  readonly agent: AgentServices;
  readonly runtime: Runtime;
  /** This lease's record of the instance is in Consul. */
  put(instanceId: string): void;
  /** It holds nothing any more. */
  over(): void;
}

let lastWritten = 0;

/**
 * A service of the agent for each record, with the lease in its id: no lease can take another's record away, and readers believe the record written last.
 * Consul has no leases: each service has a check that passes for one TTL.
 */
export class ConsulLease implements Lease {
  readonly ttlMs: number;
  onLost: ((reason: string) => void) | undefined;
  readonly #o: ConsulLeaseOptions;
  readonly #tag: string;
  readonly #held = new Map<string, Held>();
  readonly #ended = new AbortController();
  #lost = false;
  #released: Promise<void> | undefined;

  constructor(options: ConsulLeaseOptions) {
    this.#o = options;
    this.ttlMs = options.ttlMs;
    this.#tag = options.runtime.uniqueId().slice(0, 8);
    // All that are being put listen to it.
    setMaxListeners(0, this.#ended.signal);
  }

  /** `lost` when the agent does not have one of its services: the keeper writes all of them again. */
  async renew(): Promise<"held" | "lost"> {
    if (this.#released !== undefined || this.#lost) return "lost";
    const { agent, check } = this.#o;
    const sure = [...this.#held.values()].filter((held) => held.confirmed !== undefined);
    const there =
      sure.length === 0
        ? agent.ready().then(() => true)
        : check === "http"
          ? agent.hasAll(sure.map((held) => held.serviceId))
          : this.#updateAll(sure);
    if (await there) return "held";
    this.#lost = true;
    return "lost";
  }

  /** One after the other: where the agent does not answer, one question is enough. */
  async #updateAll(all: readonly Held[]): Promise<boolean> {
    for (const { serviceId: id, confirmed } of all)
      if ((await this.#o.agent.update(id, statusOf(confirmed as Instance))) === "unknown") return false;
    return true;
  }

  async put(instance: Instance): Promise<void> {
    checkInstance(instance);
    const { agent, check, runtime } = this.#o;
    const id = serviceId(instance.id, this.#tag);
    lastWritten = Math.max(runtime.clock.now(), lastWritten + 1);
    const written = lastWritten;
    const registration = registrationOf(instance, id, written, this.#o);
    this.#mustBeHeld();
    const before = this.#held.get(instance.id);
    const held: Held = { serviceId: id, name: registration.Name, confirmed: before?.confirmed };
    this.#held.set(instance.id, held);
    try {
      await agent.register(registration);
      // The agent keeps a check's state when a service is registered again.
      const again = check === "ttl" && before !== undefined;
      if (again && (await agent.update(id, statusOf(instance))) === "unknown")
        throw new LeaseLostError(`the agent lost the service ${id} at once`);
      await agent.seen(registration.Name, id, written, again, this.#ended.signal);
    } catch (error) {
      if (this.#released === undefined) throw error;
    }
    if (this.#released !== undefined) {
      await agent.deregister(id);
      throw new LeaseLostError("the lease was released");
    }
    held.confirmed = instance;
    this.#o.put(instance.id);
  }

  #mustBeHeld(): void {
    if (this.#released !== undefined) throw new LeaseLostError("the lease was released");
    if (this.#lost) throw new LeaseLostError("the agent does not know this lease's services any more");
  }

  async remove(id: string): Promise<void> {
    const held = this.#held.get(id);
    if (held === undefined) return;
    await this.#deregister(id, held);
    await this.#o.agent.gone(held.name, held.serviceId);
  }

  async #deregister(id: string, held: Held): Promise<void> {
    await this.#o.agent.deregister(held.serviceId);
    this.#held.delete(id);
  }

  /** Another lease of this process has put the instance: what this one has of it is of no use. */
  superseded(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    const empty = (): void => {
      if (this.#held.size === 0) this.#o.over();
    };
    // What cannot be removed ends with its TTL, or when the registry closes.
    this.#deregister(id, held).then(empty, () => {});
  }

  release(): Promise<void> {
    this.#released ??= Promise.resolve().then(() => this.#release());
    return this.#released;
  }

  async #release(): Promise<void> {
    const { agent } = this.#o;
    this.#ended.abort(new LeaseLostError("the lease was released"));
    const all = [...this.#held.values()];
    await Promise.all(all.map((held) => agent.deregister(held.serviceId)));
    const names = [...new Set(all.map((held) => held.name))];
    await Promise.all(names.map((name) => agent.gone(name, `*-${this.#tag}`)));
    this.#o.over();
  }
}
