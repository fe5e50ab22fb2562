import type { Clock, Runtime, Timer } from "@skein/core";
import { createRandom, type Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

const EPOCH = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

export interface MachineOptions {
  /** Different at each start. */
  readonly name: string;
  /** Where it listens; the same after a restart. */
  readonly host: string;
  readonly seed: number;
  readonly scheduler: Scheduler;
  /** A callback of a timer or of I/O threw: in Node the process would end. */
  readonly onError: (machine: Machine, error: unknown) => void;
}

/** From when to when it was paused. */
interface Pause {
  readonly from: number;
  until: number;
}

/**
 * A process as the world holds it: its own clock, chance and event loop. It can be paused (SIGSTOP: nothing of it runs, what comes waits)
 * and vanish (SIGKILL: nothing of it ever runs again).
 */
export class Machine {
  readonly name: string;
  readonly host: string;
  readonly random: Random;
  readonly runtime: Runtime;
  readonly pauses: Pause[] = [];
  state: "running" | "paused" | "gone" = "running";
  /** When it vanished. */
  goneAt = Number.POSITIVE_INFINITY;
  /** Timers that are armed. */
  timers = 0;
  readonly #o: MachineOptions;
  /** Its monotonic clock began so long before the world's. */
  readonly #aheadMs: number;
  #ids = 0;
  /** Posted, and has not run. */
  #posted = 0;
  #heldTimers: (() => void)[] = [];
  #heldIo: (() => void)[] = [];

  constructor(options: MachineOptions) {
    this.#o = options;
    this.name = options.name;
    this.host = options.host;
    const chance = createRandom(options.seed, `machine ${options.name}`);
    this.random = createRandom(options.seed, `user ${options.name}`);
    this.#aheadMs = Math.floor(chance.between(0, 1e6));
    // Nobody's wall clock agrees with anybody else's.
    const wallMs = EPOCH + Math.floor(chance.between(-HOUR_MS, HOUR_MS));
    const monotonic = (): number => options.scheduler.now + this.#aheadMs;
    const clock: Clock = {
      now: () => Math.floor(wallMs + options.scheduler.now),
      monotonic,
      fresh: monotonic,
      // Timers are never exact.
      setTimer: (ms, fire) =>
        new MachineTimer(this, options.scheduler, Math.max(ms, 1) + chance.next(), fire),
    };
    this.runtime = {
      clock,
      random: () => chance.next(),
      uniqueId: () => `${options.name}-${++this.#ids}`,
      defer: (fn) => void Promise.resolve().then(() => this.#run(fn)),
      yieldToIo: (fn) => this.post(fn),
    };
  }

  /** A time of its monotonic clock, as the world's. */
  worldTime(monotonic: number): number {
    return monotonic - this.#aheadMs;
  }

  /** `fn` runs in it on a later tick: now, or once it is no longer paused. */
  post(fn: () => void): void {
    const run = (): void => {
      if (this.state === "paused") return void this.#heldIo.push(run);
      this.#posted--;
      this.#run(fn);
    };
    this.#posted++;
    this.#o.scheduler.at(this.#o.scheduler.now, run);
  }

  /** As post(), from outside of it: at once where nothing else waits. */
  enter(fn: () => void): void {
    if (this.state === "paused" || this.#posted > 0) this.post(fn);
    else this.#run(fn);
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => void this.runtime.clock.setTimer(ms, resolve));
  }

  /** Told by a timer that is due. */
  ring(timer: MachineTimer): void {
    if (this.state === "paused") this.#heldTimers.push(() => this.ring(timer));
    else if (timer.disarm()) this.#run(timer.fire);
  }

  #run(fn: () => void): void {
    if (this.state === "gone") return;
    try {
      fn();
    } catch (error) {
      this.#o.onError(this, error);
    }
  }

  pause(): void {
    if (this.state !== "running") return;
    this.state = "paused";
    this.pauses.push({ from: this.#o.scheduler.now, until: Number.POSITIVE_INFINITY });
  }

  /** Timers that are overdue come first, then what has been received: as in Node's event loop. */
  resume(): void {
    if (this.state !== "paused") return;
    this.state = "running";
    const { now } = this.#o.scheduler;
    (this.pauses.at(-1) as Pause).until = now;
    const held = [...this.#heldTimers, ...this.#heldIo];
    this.#heldTimers = [];
    this.#heldIo = [];
    for (const run of held) this.#o.scheduler.at(now, run);
  }

  vanish(): void {
    if (this.state === "gone") return;
    if (this.state === "paused") (this.pauses.at(-1) as Pause).until = this.#o.scheduler.now;
    this.state = "gone";
    this.goneAt = this.#o.scheduler.now;
    this.#heldTimers = [];
    this.#heldIo = [];
  }

  /** How long it was paused within [from, until]. */
  pausedMs(from: number, until: number): number {
    let ms = 0;
    for (const pause of this.pauses)
      ms += Math.max(0, Math.min(until, pause.until) - Math.max(from, pause.from));
    return ms;
  }
}

class MachineTimer implements Timer {
  readonly fire: () => void;
  readonly #machine: Machine;
  readonly #due: Timer;
  #armed = true;

  constructor(machine: Machine, scheduler: Scheduler, ms: number, fire: () => void) {
    this.fire = fire;
    this.#machine = machine;
    machine.timers++;
    this.#due = scheduler.at(scheduler.now + ms, () => machine.ring(this));
  }

  /** False: it had been disarmed. */
  disarm(): boolean {
    if (!this.#armed) return false;
    this.#armed = false;
    this.#machine.timers--;
    return true;
  }

  cancel(): void {
    if (this.disarm()) this.#due.cancel();
  }
}
