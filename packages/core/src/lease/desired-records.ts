import type { Instance } from "../instance.ts";

/** What the registry has under an id: this record, none, or one cannot say (a write failed, or came late). */
export type Known = Instance | "absent" | "unsure";

interface Waiting {
  resolve(): void;
  reject(error: unknown): void;
}

/** One id: what is wanted under it, and what the registry has. */
export interface Desired {
  readonly id: string;
  /** Undefined: nothing, any more. */
  wanted: Instance | undefined;
  known: Known;
  /** The registry has had it under the present lease. */
  registered: boolean;
  /** Failures in a row, and when it is tried again (monotonic ms). */
  failures: number;
  retryAt: number;
  readonly puts: Waiting[];
  readonly removals: (() => void)[];
}

/** The difference between what is wanted and what the registry has. Pure bookkeeping: whoever writes says how it went. */
export class DesiredRecords {
  readonly #all = new Map<string, Desired>();

  get keys(): string[] {
    return [...this.#all.values()].filter((d) => d.wanted !== undefined).map((d) => d.id);
  }
  /** Nothing is wanted, and nothing of ours can be left. */
  get empty(): boolean {
    return this.#all.size === 0;
  }
  get wantsAny(): boolean {
    return this.keys.length > 0;
  }
  /** Everything wanted has been registered under the present lease. */
  get allRegistered(): boolean {
    return [...this.#all.values()].every((d) => d.wanted === undefined || d.registered);
  }

  want(instance: Instance, waiting: Waiting): void {
    const desired = this.#of(instance.id);
    desired.wanted = instance;
    desired.failures = 0;
    desired.retryAt = 0;
    desired.puts.push(waiting);
  }

  unwant(id: string, done: () => void): void {
    const desired = this.#all.get(id);
    if (desired === undefined) return done();
    desired.wanted = undefined;
    desired.failures = 0;
    desired.retryAt = 0;
    for (const put of desired.puts.splice(0)) put.reject(new Error(`instance ${id} was removed`));
    desired.removals.push(done);
    this.#settle(desired);
  }

  /** The first that differs and may be tried now. */
  next(now: number): Desired | undefined {
    for (const desired of this.#all.values())
      if (desired.retryAt <= now && desired.known !== (desired.wanted ?? "absent")) return desired;
    return undefined;
  }

  /** When something is to be written, monotonic ms; infinity when all is as it should be. */
  dueAt(): number {
    let due = Number.POSITIVE_INFINITY;
    for (const desired of this.#all.values())
      if (desired.known !== (desired.wanted ?? "absent")) due = Math.min(due, desired.retryAt);
    return due;
  }

  /** A write begins: until it ends nobody can say. */
  writing(desired: Desired): void {
    desired.known = "unsure";
  }

  written(desired: Desired, known: Instance | "absent"): void {
    desired.known = known;
    desired.registered = known !== "absent";
    desired.failures = 0;
    desired.retryAt = 0;
    this.#settle(desired);
  }

  /** Whoever waits for a removal learns that the registry cannot be asked; it is tried again all the same. */
  failed(desired: Desired, retryAt: number): void {
    desired.failures++;
    desired.retryAt = retryAt;
    for (const done of desired.removals.splice(0)) done();
  }

  /** A write that had been given up has ended after all: what it left is looked after. */
  unsure(id: string): void {
    const desired = this.#of(id);
    desired.known = "unsure";
    desired.retryAt = 0;
  }

  /** The lease is gone, and with it the records. */
  lost(): void {
    for (const desired of [...this.#all.values()]) {
      desired.known = "absent";
      desired.registered = false;
      desired.failures = 0;
      desired.retryAt = 0;
      this.#settle(desired);
    }
  }

  /** Nobody waits any longer. */
  end(error: Error): void {
    for (const desired of this.#all.values()) {
      for (const put of desired.puts.splice(0)) put.reject(error);
      for (const done of desired.removals.splice(0)) done();
    }
  }

  #of(id: string): Desired {
    const found = this.#all.get(id);
    if (found !== undefined) return found;
    const made: Desired = {
      id,
      wanted: undefined,
      known: "absent",
      registered: false,
      failures: 0,
      retryAt: 0,
      puts: [],
      removals: [],
    };
    this.#all.set(id, made);
    return made;
  }

  #settle(desired: Desired): void {
    if (desired.known !== (desired.wanted ?? "absent")) return;
    for (const done of desired.removals.splice(0)) done();
    if (desired.wanted === undefined) this.#all.delete(desired.id);
    else for (const put of desired.puts.splice(0)) put.resolve();
  }
}
