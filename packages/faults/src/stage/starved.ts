import { openSync, readFileSync, readSync } from "node:fs";
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

const STAT_TICK_MS = 10;
const stat = Buffer.alloc(128);
let statFile: number | undefined;

/** What the host of this machine took of its processors since it began, all together, ms. 0 where the system does not tell. */
function stolenMs(): number {
  try {
    // Kept open, and only its first line is wanted: it is read every other millisecond.
    statFile ??= openSync("/proc/stat", "r");
    readSync(statFile, stat, 0, stat.length, 0);
    return Number(stat.toString("latin1").split(/\s+/)[8]) * STAT_TICK_MS;
  } catch {
    return 0;
  }
}

/** Timers are that late on a machine with nothing else to do; what is shorter says nothing, ms. */
const LATE_MS = 5;
/** Neither does what is waited that long. */
const LEAST_WAITED_MS = 1;
/** What the host took is told in steps, and up to a tick of the system after it gave it back: it is looked for that much around, ms. */
const TOLD_WITHIN_MS = STAT_TICK_MS;
/** A reading that takes longer was interrupted in its middle, ms. */
const READING_MS = 0.5;
const MOST_READINGS = 5;

/** Of this process, to find out what it was given of the time between two turns of its loop. */
export interface Turn {
  /** Wall clock, ms. */
  readonly at: number;
  /** How long it could have run, and others did, as the system counts it, ms. NaN where the system does not tell. */
  readonly waited: number;
  /** What the host took of all processors, ms. */
  readonly stolen: number;
}

export function turnNow(): Turn {
  // All at one moment: what happens between two of them would count for none.
  for (let n = 1; ; n++) {
    const before = wallClock();
    const [, waited] = schedule(process.pid);
    const stolen = stolenMs();
    const at = wallClock();
    if (at - before <= READING_MS || n === MOST_READINGS) return { at, waited, stolen };
  }
}

/** A time in which this process had no processor now and then, or in which the host took some. */
export interface Starved {
  /** Wall clock, ms. */
  readonly from: number;
  readonly to: number;
  /** Others ran, ms. */
  readonly waited: number;
  /** Its turn came so much later beyond that, ms. */
  readonly late: number;
  /** The host took so much of all processors, ms. */
  readonly stolen: number;
}

/** Between two turns, the second of which was due `dueMs` after the first. Undefined: nothing to tell. */
export function starvedIn(last: Turn, turn: Turn, dueMs: number): Starved | undefined {
  const waited = turn.waited - last.waited || 0;
  const over = turn.at - last.at - dueMs - waited;
  const late = over >= LATE_MS ? over : 0;
  const stolen = turn.stolen - last.stolen;
  if (waited < LEAST_WAITED_MS && late === 0 && stolen === 0) return undefined;
  return { from: last.at, to: turn.at, waited, late, stolen };
}

/**
 * How much of the time between `from` and `to` it had no processor, ms: others ran, or the host of this machine took processors away. What that took
 * of this process is not told; here it is what its turns were late by, and no more than was taken of the machine. (What the process
 * itself seems to have run meanwhile counts, too: turns of 20 to 38 ms that it seemed to run through, without a collection, were seen only where as much was
 * taken. Why is inferred, not seen: the other processor was taken in the middle of something that it waits for.)
 * @param times one after the other, as they came: of a long run there are ten thousands, and as many calls that ask
 */
export function starvedBetween(times: readonly Starved[], from: number, to: number): number {
  let [waited, late, stolen] = [0, 0, 0];
  for (let n = firstAfter(times, from - TOLD_WITHIN_MS); n < times.length; n++) {
    const one = times[n] as Starved;
    if (one.from >= to + TOLD_WITHIN_MS) break;
    stolen += one.stolen;
    if (one.to <= from || one.from >= to) continue;
    waited += one.waited;
    late += one.late;
  }
  return Math.min(waited + Math.min(late, stolen), to - from);
}

/** The first that ends after `at`. */
function firstAfter(times: readonly Starved[], at: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] as Starved).to > at) high = middle;
    else low = middle + 1;
  }
  return low;
}
