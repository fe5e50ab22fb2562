import { within } from "./measure.ts";
import type { OpenLoad } from "./open-load.ts";

/** How long after `from` (wall clock) that process answered a call that was sent since, ms; `mostMs` when it has not by then. */
export async function backAfter(load: OpenLoad, pid: number, from: number, mostMs: number): Promise<number> {
  const answered = await within(
    mostMs,
    load.answeredBy(pid, ({ sentAt }) => sentAt >= from),
  );
  return answered === undefined ? mostMs : answered.endedAt - from;
}
