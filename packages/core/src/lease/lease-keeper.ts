import type { Instance } from "../instance.ts";
import { type Lease, LeaseLostError, type Registry } from "../registry.ts";
import type { Logger, Runtime, Timer } from "../runtime.ts";

export interface LeaseKeeperOptions {
  readonly registry: Registry;
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** @default 30_000 */
  readonly ttlMs?: number | undefined;
}

/** `held`: the registry has our records as far as we know. `lost`: it has not, and we keep trying. `none`: nothing is to be registered. */
export type LeaseState = "held" | "lost" | "none";

/** Keeps a process's instances registered under one lease, for ever. */
export interface LeaseKeeper {
  readonly state: LeaseState;
  /** Why the last attempt failed; undefined while all is well. */
  readonly lastError: unknown;
  /** Counters since the start, for metrics. */
  readonly counts: {
    readonly renewals: number;
    readonly failures: number;
    readonly lost: number;
    readonly regained: number;
  };
  /**
   * Inserts or updates; from now on it is kept registered. Resolves once the registry has it; a failing registry is asked again and again,
   * and the promise waits. Rejects when the keeper is closed or `signal` aborts (the instance stays wanted unless it is removed).
   */
  put(instance: Instance, signal?: AbortSignal): Promise<void>;
  /** No longer wanted. Resolves once the registry no longer has it, or cannot be asked. */
  remove(id: string): Promise<void>;
  subscribe(callback: (state: LeaseState) => void): () => void;
  /** Removes everything, bounded. Idempotent. @param timeoutMs @default 2000 */
  close(timeoutMs?: number): Promise<void>;
  /** Stops without a word to the registry, as a crash would: the records end with their TTL. */
  abandon(): void;
}

const DEFAULT_TTL_MS = 30_000;
const JITTER = 0.1;
const BACKOFF_MS = 200;
const MOST_BACKOFF_MS = 5000;
const CLOSE_MS = 2000;

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  return new Keeper(options);
}

interface Wanted {
  instance: Instance;
  /** The registry has this very record. */
  registered: Instance | undefined;
  waiting: { resolve(): void; reject(error: unknown): void }[];
}

/**
 * One loop: see what differs between what is wanted and what the registry has, do the next thing, sleep. Everything that happens
 * (a put, a loss, a timer) only wakes it, so that nothing ever overlaps.
 */
class Keeper implements LeaseKeeper {
  state: LeaseState = "none";
  lastError: unknown;
  readonly counts = { renewals: 0, failures: 0, lost: 0, regained: 0 };
  readonly #o: LeaseKeeperOptions;
  readonly #ttlMs: number;
  readonly #wanted = new Map<string, Wanted>();
  /** In the registry under the present lease, and no longer wanted. */
  readonly #unwanted = new Map<string, (() => void)[]>();
  readonly #subscribers = new Set<(state: LeaseState) => void>();
  #lease: Lease | undefined;
  /** Monotonic ms of the last answer that the lease is held. */
  #heldAt = 0;
  #renewAt = 0;
  #failures = 0;
  #retryAt = 0;
  #everHeld = false;
  #closed = false;
  #wake: (() => void) | undefined;
  #woken = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#o = options;
    this.#ttlMs = options.ttlMs ?? DEFAULT_TTL_MS;
  }

  put(instance: Instance, signal?: AbortSignal): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the lease keeper is closed"));
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const wanted = this.#wanted.get(instance.id) ?? { instance, registered: undefined, waiting: [] };
      wanted.instance = instance;
      const abort = (): void => done(reject, signal?.reason);
      const done = (settle: (value?: never) => void, value?: unknown): void => {
        signal?.removeEventListener("abort", abort);
        settle(value as never);
      };
      wanted.waiting.push({
        resolve: () => done(resolve as () => void),
        reject: (error) => done(reject, error),
      });
      signal?.addEventListener("abort", abort, { once: true });
      this.#wanted.set(instance.id, wanted);
      this.#start();
    });
  }

  remove(id: string): Promise<void> {
    const wanted = this.#wanted.get(id);
    this.#wanted.delete(id);
    for (const waiting of wanted?.waiting ?? []) waiting.reject(new Error(`instance ${id} was removed`));
    if (wanted === undefined || this.#lease === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#unwanted.set(id, [...(this.#unwanted.get(id) ?? []), resolve]);
      this.#start();
    });
  }

  subscribe(callback: (state: LeaseState) => void): () => void {
    this.#subscribers.add(callback);
    return () => void this.#subscribers.delete(callback);
  }

  #start(): void {
    this.#running ??= this.#loop();
    this.#woken = true;
    this.#wake?.();
  }

  async #loop(): Promise<void> {
    while (!this.#closed) {
      this.#woken = false;
      try {
        await this.#step();
      } catch (error) {
        this.#failed(error);
      }
      if (!this.#closed && !this.#woken) await this.#sleep();
    }
  }

  /** The next thing that is to be done; returns when nothing is. */
  async #step(): Promise<void> {
    const { clock } = this.#o.runtime;
    const now = clock.monotonic();
    if (this.#lease !== undefined && now - this.#heldAt > this.#lease.ttlMs)
      this.#lose("no renewal was answered for a whole TTL");
    if (now < this.#retryAt) return;
    if (this.#lease === undefined) {
      if (this.#wanted.size === 0) return this.#forget();
      await this.#take();
    }
    await this.#sync();
    if (this.#lease !== undefined && clock.monotonic() >= this.#renewAt) await this.#renew(this.#lease);
  }

  async #take(): Promise<void> {
    const { registry, runtime } = this.#o;
    const controller = new AbortController();
    const lease = await this.#bounded(
      registry.lease({ ttlMs: this.#ttlMs, signal: controller.signal }),
      "taking a lease",
      (late) => {
        controller.abort(new Error("too late"));
        late?.release().catch(() => {});
      },
    );
    lease.onLost = (reason) => {
      if (this.#lease !== lease) return;
      this.#lose(reason);
      this.#start();
    };
    this.#lease = lease;
    this.#held(runtime.clock.monotonic());
  }

  /** Puts what is missing, removes what is not wanted. */
  async #sync(): Promise<void> {
    for (const [id, settle] of this.#unwanted) {
      const lease = this.#lease;
      if (lease !== undefined && !this.#wanted.has(id))
        await this.#bounded(lease.remove(id), `removing ${id}`);
      this.#unwanted.delete(id);
      for (const done of settle) done();
    }
    for (const wanted of [...this.#wanted.values()]) {
      const { instance } = wanted;
      const lease = this.#lease;
      if (lease === undefined) return;
      if (wanted.registered !== instance)
        await this.#bounded(lease.put(instance), `registering ${instance.service} ${instance.id}`);
      if (this.#lease !== lease) return;
      wanted.registered = instance;
      // A put that came meanwhile has replaced the instance: its callers wait for that one.
      if (wanted.instance !== instance) continue;
      for (const waiting of wanted.waiting.splice(0)) waiting.resolve();
    }
    this.#well();
  }

  async #renew(lease: Lease): Promise<void> {
    this.counts.renewals++;
    const answer = await this.#bounded(lease.renew(), "renewing");
    if (this.#lease !== lease) return;
    if (answer === "held") this.#held(this.#o.runtime.clock.monotonic());
    else {
      this.#lose("the registry does not know it any more");
      this.#woken = true;
    }
  }

  /** No answer within the renewal interval is a failure: a registry that hangs must not stall the loop. */
  #bounded<T>(promise: Promise<T>, what: string, late?: (value: T | undefined) => void): Promise<T> {
    const ms = this.#ttlMs / 3;
    return new Promise((resolve, reject) => {
      let over = false;
      const timer = this.#o.runtime.clock.setTimer(ms, () => {
        over = true;
        late?.(undefined);
        reject(new Error(`${what}: no answer from ${this.#o.registry.name} within ${Math.round(ms)} ms`));
      });
      promise.then(
        (value) => {
          timer.cancel();
          if (over) late?.(value);
          else resolve(value);
        },
        (error) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  }

  #held(now: number): void {
    const ttl = this.#lease?.ttlMs ?? this.#ttlMs;
    this.#heldAt = now;
    this.#renewAt =
      now + (Math.min(ttl, this.#ttlMs) / 3) * (1 - JITTER + 2 * JITTER * this.#o.runtime.random());
  }

  /** Everything wanted is registered. */
  #well(): void {
    if (this.#lease === undefined) return;
    this.#failures = 0;
    this.lastError = undefined;
    if (this.state === "held") return;
    const { logger, registry } = this.#o;
    if (this.#everHeld) {
      this.counts.regained++;
      logger.info({ registry: registry.name, instances: this.#wanted.size }, "registered again");
    }
    this.#everHeld = true;
    this.#tell("held");
  }

  #lose(reason: string): void {
    this.#lease = undefined;
    this.counts.lost++;
    for (const wanted of this.#wanted.values()) wanted.registered = undefined;
    for (const settle of this.#unwanted.values()) for (const done of settle) done();
    this.#unwanted.clear();
    const ageMs = Math.round(this.#o.runtime.clock.monotonic() - this.#heldAt);
    this.#o.logger.warn(
      { registry: this.#o.registry.name, reason, sinceRenewalMs: ageMs, keys: [...this.#wanted.keys()] },
      "lease lost: taking another",
    );
    this.#tell("lost");
  }

  #failed(error: unknown): void {
    const { logger, registry, runtime } = this.#o;
    this.counts.failures++;
    this.lastError = error;
    const { clock } = runtime;
    const lost = error instanceof LeaseLostError;
    if (lost) this.#lose(error.message);
    else
      logger.warn(
        { registry: registry.name, err: error, failures: this.#failures + 1, keys: [...this.#wanted.keys()] },
        "the registry failed: trying again",
      );
    const cap = Math.min(MOST_BACKOFF_MS, this.#ttlMs / 3);
    const base = Math.min(cap, BACKOFF_MS * 2 ** Math.min(this.#failures, 20));
    this.#retryAt =
      clock.monotonic() + (lost && this.#failures === 0 ? 0 : Math.min(cap, base * runtime.random()));
    this.#failures++;
    if (this.state === "none" && this.#wanted.size > 0) this.#tell("lost");
  }

  #forget(): void {
    if (this.state !== "none") this.#tell("none");
  }

  #tell(state: LeaseState): void {
    this.state = state;
    for (const callback of [...this.#subscribers]) callback(state);
  }

  /** When there is something to do by itself, failures left aside. */
  #dueAt(): number {
    if (this.#lease !== undefined) return this.#renewAt;
    return this.#wanted.size > 0 ? 0 : Number.POSITIVE_INFINITY;
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      this.#wake = () => {
        this.#wake = undefined;
        timer?.cancel();
        resolve();
      };
      const now = this.#o.runtime.clock.monotonic();
      const due = Math.max(this.#retryAt, this.#dueAt());
      if (due !== Number.POSITIVE_INFINITY)
        timer = this.#o.runtime.clock.setTimer(Math.max(0, due - now), () => this.#wake?.());
    });
  }

  abandon(): void {
    this.#lease = undefined;
    void this.close(0);
  }

  async close(timeoutMs: number = CLOSE_MS): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    for (const wanted of this.#wanted.values())
      for (const waiting of wanted.waiting.splice(0)) waiting.reject(new Error("the lease keeper is closed"));
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) await this.#release(lease, timeoutMs);
    this.#tell("none");
    this.#subscribers.clear();
  }

  #release(lease: Lease, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#o.runtime.clock.setTimer(timeoutMs, () => {
        this.#o.logger.warn(
          { registry: this.#o.registry.name, timeoutMs },
          "deregistering took too long: the records end with their TTL",
        );
        resolve();
      });
      lease
        .release()
        .catch((error: unknown) =>
          this.#o.logger.warn(
            { registry: this.#o.registry.name, err: error },
            "deregistering failed: the records end with their TTL",
          ),
        )
        .finally(() => {
          timer.cancel();
          resolve();
        });
    });
  }
}
