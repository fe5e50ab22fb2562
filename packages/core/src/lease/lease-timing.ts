/** Renewals spread by so much either way, so that a restarted registry is not asked by all at once. */
const JITTER = 0.1;
const BACKOFF_MS = 200;
const MOST_BACKOFF_MS = 5000;
/** One attempt may take a sixth of the TTL, so that two that hang still leave time for a third. */
const ATTEMPTS_A_TTL = 6;
const MOST_ATTEMPT_MS = 5000;
/** While a lease is still held it is asked for at least so often in what is left of it, but not more often than each LEAST_CAP_MS or so. */
const TRIES_IN_REST = 4;
const LEAST_CAP_MS = 100;

/** How long one question to the registry may take, ms. */
export function attemptMs(ttlMs: number): number {
  return Math.min(MOST_ATTEMPT_MS, ttlMs / ATTEMPTS_A_TTL);
}

/** From one renewal to the next, ms: a third of the TTL. */
export function renewalMs(ttlMs: number, random: () => number): number {
  return (ttlMs / 3) * (1 - JITTER + 2 * JITTER * random());
}

/**
 * Before the next attempt, ms: full jitter, capped at min(5 s, TTL/3). An attempt and the wait after it take a third of the TTL together: so late,
 * at most, a registry that answers again is found.
 * @param failures in a row, this one not counted
 * @param spentMs by the attempt that failed
 * @param restMs left of the lease; undefined when there is none
 */
export function retryMs(
  ttlMs: number,
  failures: number,
  spentMs: number,
  restMs: number | undefined,
  random: () => number,
): number {
  let cap = Math.max(0, Math.min(MOST_BACKOFF_MS, ttlMs / 3 - spentMs));
  if (restMs !== undefined) cap = Math.min(cap, Math.max(LEAST_CAP_MS, restMs / TRIES_IN_REST));
  return Math.min(cap, BACKOFF_MS * 2 ** Math.min(failures, 20)) * random();
}
