import type { CallRecord } from "../ledger/records.ts";

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What it comes to, or undefined when that takes longer than `ms`. No timer outlives it. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, ms, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Of numbers in any order; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

/** From when each should have been sent, ms; answered ones only. */
export function latencies(calls: readonly CallRecord[]): number[] {
  return calls.filter((c) => c.error === undefined).map((c) => c.endedAt - c.intendedAt);
}

/** How long after its deadline the latest call ended, ms; 0 when none did. While its caller had no processor it could not end. */
export function latest(calls: readonly CallRecord[]): number {
  return calls.reduce(
    (late, c) => Math.max(late, c.endedAt - c.sentAt - c.timeoutMs - (c.starvedMs ?? 0)),
    0,
  );
}

/** The pid of the process that answered it; undefined: none did. */
export function answeredBy({ answer }: CallRecord): number | undefined {
  const by = (answer as { by?: string } | undefined)?.by;
  return by === undefined ? undefined : Number(by.split(":")[0]);
}

/** Which process answered each call, by pid. */
export function sharesByPid(calls: readonly CallRecord[]): Map<number, number> {
  const shares = new Map<number, number>();
  for (const call of calls) {
    const pid = answeredBy(call);
    if (pid === undefined) continue;
    shares.set(pid, (shares.get(pid) ?? 0) + 1);
  }
  return shares;
}
