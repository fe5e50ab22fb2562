import type { Runtime, Timer } from "@skein/core";

type Clock = Runtime["clock"];

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(ms, resolve);
  });
}

/** Resolves with the promise, or after so long without it. */
export async function atMost(clock: Clock, ms: number, promise: Promise<void>): Promise<void> {
  let timer: Timer | undefined;
  const late = new Promise<void>((resolve) => {
    timer = clock.setTimer(ms, resolve);
  });
  await Promise.race([promise, late]);
  timer?.cancel();
}
