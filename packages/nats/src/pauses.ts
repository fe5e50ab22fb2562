import type { Runtime, Timer } from "@skein/core";

type Clock = Runtime["clock"];

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(ms, resolve);
  });
}

/** Settles with the promise; after so long without it rejects with what `late` makes, or resolves where there is none. No timer outlives it. */
export async function atMost(
  clock: Clock,
  ms: number,
  promise: Promise<unknown>,
  late?: () => Error,
): Promise<void> {
  let timer: Timer | undefined;
  const over = new Promise<void>((resolve, reject) => {
    timer = clock.setTimer(ms, () => (late === undefined ? resolve() : reject(late())));
  });
  try {
    await Promise.race([promise, over]);
  } finally {
    timer?.cancel();
  }
}
