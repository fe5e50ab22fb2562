/** What core needs of the machine it runs on. `skein` gives Node's, `@skein/core/testing` a fake one. */

export interface Timer {
  /** Idempotent; after it `fire` is never called. */
  cancel(): void;
}

export interface Clock {
  /** Wall clock, epoch milliseconds. For records and logs only: it may jump. */
  now(): number;
  /** Milliseconds that never go backwards. May be read once a tick and given again within it. */
  monotonic(): number;
  /** As monotonic(), read anew (about 60 ns on Node). */
  fresh(): number;
  /** Calls `fire` once, `ms` milliseconds from now at the earliest. Timers do not keep a process alive. */
  setTimer(ms: number, fire: () => void): Timer;
}

/** Of a heap that cannot grow beyond a limit. */
export interface HeapUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

export interface Runtime {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  random(): number;
  /** A unique id (a UUID on Node). */
  uniqueId(): string;
  /** Runs `fn` at the end of the current tick, before any I/O (process.nextTick). */
  defer(fn: () => void): void;
  /** Runs `fn` after pending I/O has been looked at (setImmediate). */
  yieldToIo(fn: () => void): void;
  /** Absent where nobody can tell: servers do not guard their heap then. */
  readonly heap?: (() => HeapUse) | undefined;
}

/** Carries a value along an asynchronous flow (AsyncLocalStorage on Node). */
export interface ContextStore<T> {
  get(): T | undefined;
  run<A, R>(value: T, fn: (argument: A) => R, argument: A): R;
}

/** pino's shape: fields first, then the message. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to each line. */
  child(fields: object): Logger;
}

const nothing = (): void => {};
/** Drops every line. */
export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};
