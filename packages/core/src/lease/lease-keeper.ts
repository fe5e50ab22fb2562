import type { Instance } from "../instance.ts";
import { type Lease, LeaseLostError } from "../registry.ts";
import type { Timer } from "../runtime.ts";
import { type Desired, DesiredRecords } from "./desired-records.ts";
import type { LeaseKeeper, LeaseKeeperOptions, LeaseState } from "./lease-keeper-types.ts";
import { attemptMs, renewalMs, retryMs } from "./lease-timing.ts";
import { withTimeLimit } from "./time-limit.ts";

const DEFAULT_TTL_MS = 30_000;
const CLOSE_MS = 2000;

export function createLeaseKeeper(options: LeaseKeeperOptions): LeaseKeeper {
  return new Keeper(options);
}

/**
 * One loop: do the next thing that is to be done, sleep. Everything that happens (a put, a loss, a timer) only wakes it, so that nothing ever
 * overlaps. A write that failed is followed by a renewal, which tells whether the registry is to blame (then all wait) or the record (then it alone does).
 */
class Keeper implements LeaseKeeper {
  state: LeaseState = "none";
  heldSince: number | undefined;
  lastError: unknown;
  readonly counts = { renewals: 0, failures: 0, lost: 0, regained: 0 };
  readonly #o: LeaseKeeperOptions;
  readonly #ttlMs: number;
  readonly #attemptMs: number;
  readonly #records = new DesiredRecords();
  readonly #subscribers = new Set<(state: LeaseState) => void>();
  #lease: Lease | undefined;
  /** Monotonic ms at which the last renewal that was answered had been asked for. */
  #heldAt = Number.NaN;
  #renewAt = 0;
  /** Failures of the registry in a row. */
  #failures = 0;
  #retryAt = 0;
  #lostAt: number | undefined;
  #closing: Promise<void> | undefined;
  #abandoned = false;
  #wake: (() => void) | undefined;
  #woken = false;
  #running: Promise<void> | undefined;

  constructor(options: LeaseKeeperOptions) {
    this.#o = options;
    this.#ttlMs = options.ttlMs ?? DEFAULT_TTL_MS;
    this.#attemptMs = attemptMs(this.#ttlMs);
  }

  put(instance: Instance, signal?: AbortSignal): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("the lease keeper is closed"));
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const abort = (): void => reject(signal?.reason);
      signal?.addEventListener("abort", abort, { once: true });
      const end = (): void => signal?.removeEventListener("abort", abort);
      this.#records.want(instance, {
        resolve: () => {
          end();
          resolve();
        },
        reject: (error) => {
          end();
          reject(error);
        },
      });
      this.#start();
    });
  }

  remove(id: string): Promise<void> {
    return new Promise((resolve) => {
      this.#records.unwant(id, resolve);
      if (!this.#closed) this.#start();
    });
  }

  subscribe(callback: (state: LeaseState) => void): () => void {
    this.#subscribers.add(callback);
    return () => void this.#subscribers.delete(callback);
  }

  get #closed(): boolean {
    return this.#closing !== undefined;
  }
  get #now(): number {
    return this.#o.runtime.clock.monotonic();
  }

  #start(): void {
    this.#woken = true;
    this.#wake?.();
    this.#running ??= this.#loop();
  }

  async #loop(): Promise<void> {
    while (!this.#closed) {
      this.#woken = false;
      const started = this.#now;
      try {
        await this.#step();
      } catch (error) {
        if (!this.#closed) this.#failed(error, started);
      }
      if (!this.#closed && !this.#woken) await this.#sleep();
    }
  }

  /** One thing, the most urgent; the loop comes again until nothing is due. */
  async #step(): Promise<void> {
    const lease = this.#lease;
    if (lease !== undefined && this.#now - this.#heldAt > lease.ttlMs)
      return this.#lose("no renewal was answered for a whole TTL");
    if (lease === undefined && !this.#records.wantsAny) return this.#forget();
    if (this.#now < this.#retryAt) return;
    if (lease === undefined) return await this.#take();
    if (this.#records.empty) return await this.#giveBack(lease);
    if (this.#now >= this.#renewAt) return await this.#renew(lease);
    const next = this.#records.next(this.#now);
    if (next === undefined) return this.#well();
    this.#woken = true;
    await this.#write(lease, next);
  }

  async #take(): Promise<void> {
    const controller = new AbortController();
    const asked = this.#now;
    const lease = await this.#limited(
      this.#o.registry.lease({ ttlMs: this.#ttlMs, signal: controller.signal }),
      "taking a lease",
      (late) => void late?.release().catch(() => {}),
    ).catch((error: unknown) => {
      controller.abort(error);
      throw error;
    });
    if (this.#closed) {
      if (!this.#abandoned) await lease.release();
      return;
    }
    lease.onLost = (reason) => {
      if (this.#lease !== lease || this.#closed) return;
      this.#lose(reason);
      this.#start();
    };
    this.#lease = lease;
    this.#held(lease, asked);
    this.#woken = true;
  }

  async #write(lease: Lease, desired: Desired): Promise<void> {
    const { id, wanted } = desired;
    const started = this.#now;
    this.#records.writing(desired);
    const late = (): void => {
      if (this.#lease !== lease || this.#closed) return;
      this.#records.unsure(id);
      this.#start();
    };
    try {
      if (wanted === undefined) await this.#limited(lease.remove(id), `removing ${id}`, late);
      else await this.#limited(lease.put(wanted), `registering ${wanted.service} ${id}`, late);
    } catch (error) {
      if (this.#lease !== lease || this.#closed) return;
      if (error instanceof LeaseLostError) throw error;
      this.#records.failed(desired, this.#now + this.#backoff(desired.failures, started));
      this.#renewAt = this.#now;
      return this.#complain(error);
    }
    if (this.#lease !== lease) return;
    this.#records.written(desired, wanted ?? "absent");
    // Before those who waited for it go on.
    if (this.#records.allRegistered) this.#registered();
  }

  async #renew(lease: Lease): Promise<void> {
    this.counts.renewals++;
    const asked = this.#now;
    const answer = await this.#limited(lease.renew(), "renewing", (late) => {
      // An answer that comes too late for its attempt still says that the lease was held.
      if (late === "held" && this.#lease === lease) this.#heldAt = Math.max(this.#heldAt, asked);
    });
    if (this.#lease !== lease || this.#closed) return;
    if (answer === "held") {
      this.#failures = 0;
      this.#held(lease, asked);
    } else this.#lose("the registry does not know it any more");
    this.#woken = true;
  }

  /** Nothing is to be registered. */
  async #giveBack(lease: Lease): Promise<void> {
    this.#lease = undefined;
    this.#forget();
    this.#woken = true;
    await this.#limited(lease.release(), "releasing the lease");
  }

  #limited<T>(
    promise: Promise<T>,
    what: string,
    late: (value: T | undefined) => void = () => {},
  ): Promise<T> {
    const { runtime, registry } = this.#o;
    const ms = this.#attemptMs;
    const error = (): Error =>
      new Error(`${what}: no answer from ${registry.name} within ${Math.round(ms)} ms`);
    return withTimeLimit(runtime, ms, promise, error, late);
  }

  #held(lease: Lease, asked: number): void {
    this.#heldAt = asked;
    this.#renewAt = asked + renewalMs(Math.min(lease.ttlMs, this.#ttlMs), this.#o.runtime.random);
  }

  /** Nothing is due. */
  #well(): void {
    if (this.#records.dueAt() === Number.POSITIVE_INFINITY) this.lastError = undefined;
    if (!this.#records.allRegistered) return;
    this.#failures = 0;
    this.#registered();
  }

  #registered(): void {
    if (this.state === "held" || !this.#records.wantsAny) return;
    const lostAt = this.#lostAt;
    this.#lostAt = undefined;
    if (lostAt !== undefined) {
      this.counts.regained++;
      this.#o.logger.info({ ...this.#about(), awayMs: Math.round(this.#now - lostAt) }, "registered again");
    }
    this.#tell("held");
  }

  #lose(reason: string): void {
    this.#lease = undefined;
    this.counts.lost++;
    this.#lostAt ??= this.#now;
    this.#o.logger.warn(
      { ...this.#about(), reason, sinceRenewalMs: this.#age },
      "lease lost: taking another",
    );
    this.#records.lost();
    this.#woken = true;
    this.#tell(this.#records.wantsAny ? "lost" : "none");
  }

  /** The registry failed: everything waits, longer each time. */
  #failed(error: unknown, started: number): void {
    const lost = error instanceof LeaseLostError;
    if (lost) {
      this.counts.failures++;
      this.lastError = error;
      this.#lose(error.message);
    } else this.#complain(error);
    this.#retryAt = lost && this.#failures === 0 ? 0 : this.#now + this.#backoff(this.#failures, started);
    this.#failures++;
  }

  #complain(error: unknown): void {
    this.counts.failures++;
    this.lastError = error;
    this.#o.logger.warn(
      { ...this.#about(), err: error, failures: this.counts.failures, sinceRenewalMs: this.#age },
      "the registry failed: trying again",
    );
    if (!this.#records.allRegistered) this.#tell("lost");
  }

  #backoff(failures: number, started: number): number {
    const now = this.#now;
    const rest = this.#lease && this.#heldAt + this.#lease.ttlMs - now;
    return retryMs(this.#ttlMs, failures, now - started, rest, this.#o.runtime.random);
  }

  /** Ms since the lease was surely held; undefined when there is none. */
  get #age(): number | undefined {
    return Number.isNaN(this.#heldAt) ? undefined : Math.round(this.#now - this.#heldAt);
  }

  #about(): object {
    return { registry: this.#o.registry.name, keys: this.#records.keys };
  }

  #forget(): void {
    this.lastError = undefined;
    this.#lostAt = undefined;
    this.#tell("none");
  }

  #tell(state: LeaseState): void {
    if (this.state === state) return;
    this.state = state;
    this.heldSince = state === "held" ? this.#o.runtime.clock.now() : undefined;
    for (const callback of [...this.#subscribers]) {
      try {
        callback(state);
      } catch (error) {
        this.#o.logger.error({ err: error }, "a listener to the lease's state threw");
      }
    }
  }

  /** When there is something to do by itself. */
  #dueAt(): number {
    if (this.#lease === undefined) return this.#records.wantsAny ? this.#retryAt : Number.POSITIVE_INFINITY;
    const due = Math.max(this.#retryAt, Math.min(this.#renewAt, this.#records.dueAt()));
    return Math.min(due, this.#heldAt + this.#lease.ttlMs + 1);
  }

  #sleep(): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      this.#wake = () => {
        this.#wake = undefined;
        timer?.cancel();
        resolve();
      };
      const due = this.#dueAt();
      if (due !== Number.POSITIVE_INFINITY)
        timer = this.#o.runtime.clock.setTimer(Math.max(0, due - this.#now), () => this.#wake?.());
    });
  }

  abandon(): void {
    this.#abandoned = true;
    this.#lease = undefined;
    void this.close(0);
  }

  close(timeoutMs: number = CLOSE_MS): Promise<void> {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  async #close(timeoutMs: number): Promise<void> {
    // #closing is set once this returns to close(), which is before anything else runs.
    const lease = this.#lease;
    this.#lease = undefined;
    this.#records.end(new Error("the lease keeper is closed"));
    this.#wake?.();
    // What is being written is awaited for a while, so that it cannot outlive the release.
    const { runtime } = this.#o;
    const quiet = this.#quiet(timeoutMs / 4);
    const released = quiet.then(() => lease?.release());
    const error = (): Error => new Error(`no answer within ${timeoutMs} ms`);
    try {
      await withTimeLimit(runtime, timeoutMs, released, error, () => {});
    } catch (cause) {
      this.#o.logger.warn(
        { ...this.#about(), err: cause },
        "deregistering failed: the records end with their TTL",
      );
    }
    this.#tell("none");
    this.#subscribers.clear();
  }

  /** Resolves once the loop has ended, or after `ms`. */
  #quiet(ms: number): Promise<void> {
    const { runtime } = this.#o;
    const running = this.#running ?? Promise.resolve();
    return withTimeLimit(
      runtime,
      ms,
      running,
      () => new Error("hangs"),
      () => {},
    ).catch(() => {});
  }
}
