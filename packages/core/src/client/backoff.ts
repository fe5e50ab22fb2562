/**
 * Full jitter: uniform between 0 and base·2^n, n counting from 0, never above `capMs`.
 * (AWS Architecture Blog, "Exponential Backoff And Jitter", 2015.)
 */
export function fullJitter(random: () => number, baseMs: number, capMs: number, n: number): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(n, 30));
}
