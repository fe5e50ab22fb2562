import { sleep } from "./measure.ts";
import type { OpenLoad } from "./open-load.ts";

/** How long after `from` (wall clock) that process answered a call that was sent since, ms; `mostMs` when it has not by then. */
export async function backAfter(load: OpenLoad, pid: number, from: number, mostMs: number): Promise<number> {
  const given = sleep(mostMs);
  for (;;) {
    const answered = await Promise.race([load.answeredBy(pid), given]);
    if (answered === undefined) return mostMs;
    if (answered.sentAt >= from) return answered.endedAt - from;
  }
}
