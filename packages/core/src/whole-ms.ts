/** What differences of clock readings may be off by: at a reading of 1e9 ms a double tells 1e-7. */
const NOISE_MS = 1e-3;

/** Milliseconds left, whole: rounded up, at least 1. A deadline of 2000 ms is 2000 and not 2001 for 2000.0000000002. */
export function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms - NOISE_MS));
}
