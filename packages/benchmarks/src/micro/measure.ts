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
  /** Heap that one takes; 0 where nothing is allocated. */
  readonly bytes?: number;
}

const SLICES = 9;
/** Shortest slice that is worth timing; CPU time comes in microseconds. */
const SLICE_US = 10_000;
/** Heap is compared before and after so few that, at 100 bytes each, no collection falls between. */
const HEAP_COUNT = 20_000;
const HEAP_TRIES = 5;

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

/** How many make a slice; compiles it on the way. */
async function calibrate(micro: MicroCase, sliceUs: number): Promise<number> {
  for (let count = 16; ; count *= 2) if ((await timeUs(micro, count)) >= sliceUs) return count;
}

const collector = ((): (() => void) => {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
})();

async function heapBytes({ run }: MicroCase): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
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

/** All cases take turns, slice by slice, so that a disturbance falls on all alike. @param sliceUs for tests */
export async function measureCases(cases: readonly MicroCase[], sliceUs = SLICE_US): Promise<MicroResult[]> {
  const timed: { micro: MicroCase; count: number; nanoseconds: number[] }[] = [];
  for (const micro of cases) timed.push({ micro, count: await calibrate(micro, sliceUs), nanoseconds: [] });
  for (let slice = 0; slice < SLICES; slice++)
    for (const { micro, count, nanoseconds } of timed)
      nanoseconds.push(((await timeUs(micro, count)) * 1000) / count);
  const results: MicroResult[] = [];
  for (const { micro, nanoseconds } of timed)
    results.push({
      name: micro.name,
      nanoseconds: median(nanoseconds),
      ...(micro.heap ? { bytes: await heapBytes(micro) } : {}),
    });
  return results;
}
