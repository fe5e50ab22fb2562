import type { Candidate, Pick, SelectorFactory } from "@skein/core";
import { FakeClock } from "@skein/core/testing";
import { candidate, seeded } from "./candidates.ts";

/** What becomes of an instance over time. */
export interface Scenario {
  readonly name: string;
  /** The one with which something is the matter: its share is counted from `from` to `until`, ms. */
  readonly odd: { readonly id: string; readonly from: number; readonly until: number };
  /** When it is listed, ms. @default from the beginning */
  readonly joinsAt?: number;
  /** How many times slower it is than the others. */
  readonly slowness: (now: number) => number;
  readonly fails: (now: number) => boolean;
}

export interface Outcome {
  readonly p50: number;
  readonly p99: number;
  /** Of all calls. */
  readonly failed: number;
  /** Of the calls while it was odd: those that the odd one got; without the first second. */
  readonly share: number;
}

const INSTANCES = 10;
const MINUTE = 60_000;
/** On its processor, one call at a time, ms. */
const WORK_MS = 0.4;
/** Then waiting, log-normal around, ms. */
const WAIT_MS = 4;
const SPREAD = 0.4;

/**
 * After Finagle's balancersim: 1,000 calls a second for 60 s to ten instances, on a virtual clock. Each instance has one processor with a queue, and then waits
 * for something, as a service on Node does.
 */
export function simulate(factory: SelectorFactory, scenario: Scenario, seed = 1): Outcome {
  const random = seeded(seed);
  const selector = factory({ random });
  const all = Array.from({ length: INSTANCES }, (_, i) => candidate(`i${i}`));
  const { odd } = scenario;
  let picker = selector.update(
    scenario.joinsAt === undefined ? all : all.filter((c) => c.instance.id !== odd.id),
  );
  const busyUntil = new Map<string, number>();
  const clock = new FakeClock();
  const latencies: number[] = [];
  let failures = 0;
  let meanwhile = 0;
  let odds = 0;

  const send = (now: number): void => {
    const pick = picker.pick({ method: "m", key: `k${Math.floor(random() * 1e6)}`, exclude: undefined, now });
    const { id } = (pick as Pick<Candidate>).candidate.instance;
    const isOdd = id === odd.id;
    const slowness = isOdd ? scenario.slowness(now) : 1;
    const worked = Math.max(now, busyUntil.get(id) ?? 0) + WORK_MS * slowness;
    busyUntil.set(id, worked);
    const failed = isOdd && scenario.fails(now);
    const end = failed ? worked : worked + WAIT_MS * slowness * Math.exp(SPREAD * normal(random));
    clock.setTimer(end - now, () => pick?.done(now, end, failed, 0));
    latencies.push(end - now);
    if (failed) failures++;
    if (now < odd.from + 1000 || now >= odd.until) return;
    meanwhile++;
    if (isOdd) odds++;
  };

  for (let now = 0; now < MINUTE; now++) {
    if (now === scenario.joinsAt) picker = selector.update(all);
    send(now);
    clock.advance(1);
  }
  latencies.sort((a, b) => a - b);
  const at = (q: number): number => latencies[Math.floor(latencies.length * q)] as number;
  return { p50: at(0.5), p99: at(0.99), failed: failures / latencies.length, share: odds / meanwhile };
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
