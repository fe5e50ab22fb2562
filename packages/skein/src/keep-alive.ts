const LONGEST_MS = 2 ** 31 - 1;

/** Keeps the process alive until what it returns is called: core's timers do not, and a call that waits for an instance has no socket yet. Idempotent. */
export function keepAlive(): () => void {
  const timer = setInterval(() => {}, LONGEST_MS);
  return () => clearInterval(timer);
}
