import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { median } from "../statistics.ts";

/** Something small, done over and over. */
export interface MicroCase {
  readonly name: string;
  /** Does it `count` times. What it returns is kept, so that the work cannot be optimised away. */
  run(count: number): unknown;
  /** Looks at what one takes of the heap as well; for little ones only, see HEAP_COUNT. @default false */
  readonly heap?: boolean;
}

export interface MicroResult {
  readonly name: string;
  /** CPU time of the process for one, median of the slices. */
  readonly nanoseconds: number;
  /** The slices themselves, in the order in which all cases took turns. */
  readonly slices: readonly number[];
  /** Heap that one takes; 0 where nothing is allocated. */
  readonly bytes?: number;
}

/** How a run is cut; shorter for tests. */
export interface MicroTiming {
  /** Turns of each case. @default 15 */
  readonly slices: number;
  /** CPU time of a slice, microseconds. @default 20_000 */
  readonly sliceUs: number;
  /** CPU time before anything counts, microseconds: until then code is compiled, and compiled again. @default 400_000 */
  readonly warmUs: number;
}
const DEFAULT_TIMING: MicroTiming = { slices: 15, sliceUs: 20_000, warmUs: 400_000 };

/** Heap is compared before and after so few that, at 100 bytes each, no collection falls between. */
const HEAP_COUNT = 20_000;
const HEAP_TRIES = 5;
const HEAP_WARM = 1_000_000;

/** Results have to go somewhere. */
const sink: { value?: unknown } = {};
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function timeUs({ run }: MicroCase, count: number): Promise<number> {
  const before = cpuUs();
  sink.value = await run(count);
  return cpuUs() - before;
}

/** Warms it up and finds out how many make a slice. */
async function calibrate(micro: MicroCase, { sliceUs, warmUs }: MicroTiming): Promise<number> {
  let spent = 0;
  for (let count = 64; ; ) {
    const took = await timeUs(micro, count);
    spent += took;
    if (took < sliceUs) count *= 2;
    else if (spent >= warmUs) return Math.max(1, Math.round((count * sliceUs) / took));
  }
}

const collector = ((): (() => void) => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

async function heapBytes({ run }: MicroCase): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  // Collections make V8 forget the code of what has not run for a while: other cases were measured meanwhile.
  sink.value = await run(HEAP_WARM);
  for (let i = 0; i < HEAP_TRIES; i++) {
    collector();
    const before = process.memoryUsage().heapUsed;
    sink.value = await run(HEAP_COUNT);
    const used = process.memoryUsage().heapUsed - before;
    if (used >= 0) least = Math.min(least, used);
  }
  // reading the heap takes some itself, which is less than a byte when shared by all
  return Math.floor(least / HEAP_COUNT);
}

/** All cases take turns, slice by slice, so that a disturbance falls on all alike. */
export async function measureCases(
  cases: readonly MicroCase[],
  timing: MicroTiming = DEFAULT_TIMING,
): Promise<MicroResult[]> {
  const timed: { micro: MicroCase; count: number; slices: number[] }[] = [];
  for (const micro of cases) timed.push({ micro, count: await calibrate(micro, timing), slices: [] });
  for (let turn = 0; turn < timing.slices; turn++)
    for (const { micro, count, slices } of timed) slices.push(((await timeUs(micro, count)) * 1000) / count);
  const results: MicroResult[] = [];
  for (const { micro, slices } of timed)
    results.push({
      name: micro.name,
      nanoseconds: median(slices),
      slices,
      ...(micro.heap ? { bytes: await heapBytes(micro) } : {}),
    });
  return results;
}
