import type {
  Instance,
  InstanceStatus,
  Logger,
  RegistrationDescription,
  Registry,
  Runtime,
} from "@skein/core";
import { createLeaseKeeper, type LeaseKeeper, type LeaseState } from "@skein/core/internal";

/** Deregistering may take so long; then the records end with their TTL. */
const DEREGISTER_MS = 2000;

export interface AnnouncerOptions {
  readonly registry: Registry;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly ttlMs: number;
  /** The lease's state is another. */
  readonly onLease?: (() => void) | undefined;
}

/** A process's instances in a registry: one lease, one status for all. */
export class Announcer {
  readonly #o: AnnouncerOptions;
  readonly #runtime: Runtime;
  #made: LeaseKeeper | undefined;
  readonly #instances = new Map<string, Instance>();
  readonly #abort = new AbortController();
  #status: InstanceStatus = "serving";

  constructor(options: AnnouncerOptions) {
    this.#o = options;
    this.#runtime = options.runtime;
  }

  /** Undefined where the registry is read-only, which some know only once they have been opened. */
  get #keeper(): LeaseKeeper | undefined {
    if (this.#o.registry.readOnly === true) return undefined;
    this.#made ??= this.#make();
    return this.#made;
  }

  #make(): LeaseKeeper {
    const keeper = createLeaseKeeper(this.#o);
    const { onLease } = this.#o;
    if (onLease !== undefined) keeper.subscribe(onLease);
    return keeper;
  }

  get instances(): readonly Instance[] {
    return [...this.#instances.values()];
  }
  /** Undefined where nothing can be announced. */
  get lease(): LeaseState | undefined {
    return this.#keeper?.state;
  }
  /** As `$describe` tells it. */
  get registration(): RegistrationDescription {
    const { state = "none", heldSince } = this.#keeper ?? {};
    const since = heldSince === undefined ? {} : { heldSince: new Date(heldSince).toISOString() };
    return { registry: this.#o.registry.name, state, ...since };
  }
  /** Why the registry does not have all of them. */
  get lastError(): unknown {
    return this.#keeper?.lastError;
  }

  /** Resolves with what is announced once the registry has it; rejects when everything is closed before. */
  async add(instance: Instance): Promise<Instance> {
    const announced = { ...instance, status: this.#status };
    this.#instances.set(instance.id, announced);
    await this.#keeper?.put(announced, this.#abort.signal);
    return announced;
  }

  /** Tells callers that it is leaving, then removes it. */
  async remove(id: string): Promise<void> {
    const instance = this.#instances.get(id);
    if (instance === undefined) return;
    this.#instances.delete(id);
    await this.#within(this.#put({ ...instance, status: "draining" }));
    await this.#within(this.#keeper?.remove(id));
  }

  /** Resolves once the registry has the new status of all, however long that takes. */
  async setStatus(status: InstanceStatus): Promise<void> {
    this.#status = status;
    const changed = this.instances.filter((instance) => instance.status !== status);
    for (const instance of changed) this.#instances.set(instance.id, { ...instance, status });
    await Promise.all(changed.map((instance) => this.#put({ ...instance, status })));
  }

  /** `draining`, then gone: bounded, whatever the registry does. */
  async close(): Promise<void> {
    const { clock } = this.#runtime;
    const started = clock.fresh();
    const told = this.setStatus("draining");
    if (this.lease === "held") await this.#within(told);
    this.#abort.abort(new Error("the process is leaving"));
    await this.#keeper?.close(Math.max(1, DEREGISTER_MS - (clock.fresh() - started)));
  }

  /** Once an instance is announced, a registry that fails is the keeper's business. */
  async #put(instance: Instance): Promise<void> {
    await this.#keeper?.put(instance, this.#abort.signal).catch(() => {});
  }

  #within(work: Promise<unknown> | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#runtime.clock.setTimer(DEREGISTER_MS, resolve);
      const done = (): void => {
        timer.cancel();
        resolve();
      };
      Promise.resolve(work).then(done, done);
    });
  }
}
