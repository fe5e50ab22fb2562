const NANOS_PER_MS = 1_000_000;

/** JetStream counts in nanoseconds. */
export function nanos(ms: number): number {
  return Math.round(ms * NANOS_PER_MS);
}

/** In ms, with a fraction. */
export function fromNanos(count: number): number {
  return count / NANOS_PER_MS;
}
