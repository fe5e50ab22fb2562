import { readFileSync } from "node:fs";
import { wallClock } from "./wall-clock.ts";

/** Of a process, by the system, ms: run, and waited for a processor. NaN where the system does not tell, or it has ended. */
function schedule(pid: number): readonly [ran: number, waited: number] {
  try {
    const [ran, waited] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    return [Number(ran) / 1e6, Number(waited) / 1e6];
  } catch {
    return [Number.NaN, Number.NaN];
  }
}

/** How large a part of the time since it was made a process could have run and had no processor, in a hundred. NaN where the system does not tell. */
export function starvation(pid: number): () => number {
  const from = performance.now();
  const [, before] = schedule(pid);
  return () => ((schedule(pid)[1] - before) / (performance.now() - from)) * 100;
}

/** How long a process has had a processor since it was made, ms. NaN where the system does not tell. */
export function processorTime(pid: number): () => number {
  const [before] = schedule(pid);
  return () => schedule(pid)[0] - before;
}

/** Timers are nearly that late where nothing else is done, ms. */
const STOOD_MS = 4;
/** Timers are that late on a machine with nothing else to do; what is shorter says nothing, ms. */
const LATE_MS = 5;
/** Neither does what is waited that long. */
const LEAST_WAITED_MS = 1;
/** A reading that takes longer was interrupted in its middle, ms. */
const READING_MS = 0.5;
const MOST_READINGS = 5;

/** Of this process, to find out what it was given of the time between two turns of its loop. */
export interface Turn {
  /** Wall clock, ms. */
  readonly at: number;
  /** How long it could have run, and others did, as the system counts it, ms. NaN where the system does not tell. */
  readonly waited: number;
}

export function turnNow(): Turn {
  // Both at one moment: what happens between them would count for neither.
  for (let n = 1; ; n++) {
    const before = wallClock();
    const [, waited] = schedule(process.pid);
    const at = wallClock();
    if (at - before <= READING_MS || n === MOST_READINGS) return { at, waited };
  }
}

/** Wall clock, ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Between two turns of a process that does nothing, the second of which was due `dueMs` after the first. Undefined: no longer than timers are late. */
export function stoodBetween(last: Turn, turn: Turn, dueMs: number): Span | undefined {
  const stood = turn.at - last.at - dueMs - (turn.waited - last.waited);
  return stood < STOOD_MS ? undefined : { from: turn.at - stood, to: turn.at };
}

/** A time in which this process had no processor now and then, or in which its turn came late. */
export interface Starved extends Span {
  /** Others ran, ms. */
  readonly waited: number;
  /** Its turn came so much later beyond that, ms. */
  readonly late: number;
}

/** Between two turns, the second of which was due `dueMs` after the first. Undefined: nothing to tell. */
export function starvedIn(last: Turn, turn: Turn, dueMs: number): Starved | undefined {
  const waited = turn.waited - last.waited || 0;
  const over = turn.at - last.at - dueMs - waited;
  const late = over >= LATE_MS ? over : 0;
  if (waited < LEAST_WAITED_MS && late === 0) return undefined;
  return { from: last.at, to: turn.at, waited, late };
}

/**
 * How much of the time between `from` and `to` this process had no processor, ms: others ran, or the machine stood still and its turn came late.
 * @param times one after the other, as they came: of a long run there are ten thousands, and as many calls that ask
 * @param still when the machine stood still, one after the other
 */
export function starvedBetween(
  times: readonly Starved[],
  still: readonly Span[],
  from: number,
  to: number,
): number {
  let starved = 0;
  for (let n = firstAfter(times, from); n < times.length; n++) {
    const one = times[n] as Starved;
    if (one.from >= to) break;
    starved += one.waited + Math.min(one.late, overlap(still, one));
  }
  return Math.min(starved, to - from);
}

/** How much of a span lies in those, ms. */
function overlap(spans: readonly Span[], { from, to }: Span): number {
  let ms = 0;
  for (let n = firstAfter(spans, from); n < spans.length; n++) {
    const one = spans[n] as Span;
    if (one.from >= to) break;
    ms += Math.min(one.to, to) - Math.max(one.from, from);
  }
  return ms;
}

/** The first that ends after `at`. */
function firstAfter(times: readonly Span[], at: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as Span).to > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** In order, none touching another. */
export function union(spans: readonly Span[]): readonly Span[] {
  const merged: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = merged.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else merged.push({ from, to });
  }
  return merged;
}
