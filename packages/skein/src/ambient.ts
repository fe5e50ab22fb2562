import { AsyncLocalStorage } from "node:async_hooks";
import type { CallContext, ContextStore } from "@skein/core";

/** The process's ambient context. Entering it costs about 0.7 µs a call, so calls enter it only once somebody reads it. */
export interface AmbientContext extends ContextStore<CallContext> {
  /** Somebody reads: from now on each call enters it. */
  use(): void;
  readonly inUse: boolean;
  /** As `get()`, and counts as a reader. */
  current(): CallContext | undefined;
  /** Runs `fn` outside of any call: what lasts longer than a call (sockets, timers) must not hold on to its context. */
  outside<R>(fn: () => R): R;
}

export function createAmbientContext(): AmbientContext {
  let storage: AsyncLocalStorage<CallContext | undefined> | undefined;
  /** Of the handler whose synchronous part is running: serves the first reader, before anything was entered. */
  let running: CallContext | undefined;
  const enterRunning = <A, R>(value: CallContext, fn: (argument: A) => R, argument: A): R => {
    const outer = running;
    running = value;
    try {
      return fn(argument);
    } finally {
      running = outer;
    }
  };
  const use = (): void => {
    storage ??= new AsyncLocalStorage();
  };
  return {
    use,
    get inUse() {
      return storage !== undefined;
    },
    get: () => storage?.getStore() ?? running,
    run: (value, fn, argument) =>
      storage === undefined ? enterRunning(value, fn, argument) : storage.run(value, fn, argument),
    current() {
      const context = storage?.getStore() ?? running;
      use();
      return context;
    },
    outside: (fn) => (storage === undefined ? fn() : storage.run(undefined, fn)),
  };
}

/** One a process, as a call in one app may go on through any client. */
export const ambient: AmbientContext = createAmbientContext();

/**
 * The context of the call that is being handled: `metadata`, `traceparent`, `timeLeftMs`, `signal`, `log`, … Undefined outside of a handler.
 *
 * Calls are followed from the first use on, or from the first `createClient()`. Where the very first use in a process comes after an `await` of
 * its handler, that call is not known any more: `serve(x, { context: true })` follows them from the start.
 */
export function currentContext(): CallContext | undefined {
  return ambient.current();
}
