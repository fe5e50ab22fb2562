/** Between attempts, where the URL says nothing else, ms. */
export const DEFAULT_BACKOFF_MS: readonly number[] = [1000, 5000, 30_000, 120_000, 600_000];

/** How long after failure number `attempt` (1: the first) an event is given again, ms. */
export function backoffMs(attempt: number, schedule: readonly number[] = DEFAULT_BACKOFF_MS): number {
  return schedule[Math.min(Math.max(attempt, 1), schedule.length) - 1] ?? 0;
}
