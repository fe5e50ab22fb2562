import type { Runtime } from "../runtime.ts";

/**
 * As `promise`, but rejects with `error()` after `ms`: what hangs must not stall its owner. Where this process was blocked meanwhile, an answer that
 * lies ready is taken first.
 * @param late called when it ends after all, with its value when it was fulfilled
 * @param signal ends the waiting as well
 */
export function withTimeLimit<T>(
  runtime: Pick<Runtime, "clock" | "yieldToIo">,
  ms: number,
  promise: Promise<T>,
  error: () => Error,
  late: (value: T | undefined) => void,
  signal?: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let over = false;
    let ended = false;
    const giveUp = (why: unknown): void => {
      if (ended || over) return;
      over = true;
      timer.cancel();
      signal?.removeEventListener("abort", abort);
      reject(why);
    };
    const abort = (): void => giveUp(signal?.reason);
    const timer = runtime.clock.setTimer(ms, () => runtime.yieldToIo(() => giveUp(error())));
    signal?.addEventListener("abort", abort, { once: true });
    const end = (value: T | undefined, settle: () => void): void => {
      ended = true;
      timer.cancel();
      signal?.removeEventListener("abort", abort);
      if (over) late(value);
      else settle();
    };
    promise.then(
      (value) => end(value, () => resolve(value)),
      (reason: unknown) => end(undefined, () => reject(reason)),
    );
  });
}
