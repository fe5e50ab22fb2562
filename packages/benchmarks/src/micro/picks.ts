import type { Candidate, Picker, PickRequest, SelectorFactory } from "@skein/core";
import type { MicroCase } from "./measure.ts";

export const PICK_INSTANCES = 10_000;
const KEYS = 4096;
/** Service time that done() is told, ms. */
const TOOK_MS = 2;

export interface SelectorUnderTest {
  readonly name: string;
  readonly factory: SelectorFactory;
  /** Gives a key with each pick: for selectors that keep a key on an instance. @default false */
  readonly keyed?: boolean;
}

/** All ready, weights 1 to 10. */
export function readyCandidates(count: number): Candidate[] {
  return Array.from({ length: count }, (_, i) => ({
    state: "ready",
    instance: {
      service: "user",
      version: "1.0.0",
      id: `instance-${i}`,
      addresses: [{ protocol: "skein", url: `tcp://10.0.${i >> 8}.${i & 255}:9000` }],
      weight: 1 + (i % 10),
      status: "serving",
      startedAt: "2026-01-01T00:00:00.000Z",
      metadata: {},
    },
  }));
}

interface Request extends PickRequest {
  key: string | undefined;
  now: number;
}

type Loop = (
  picker: Picker,
  request: Request,
  keys: readonly string[] | undefined,
  tookMs: number,
  count: number,
) => number;

/**
 * Compiled anew for each selector: a client has one, and a loop that all of them went through would look up each time what to call. Minus one: there was
 * nobody to pick.
 */
function createLoop(): Loop {
  return new Function(
    "picker",
    "request",
    "keys",
    "tookMs",
    "count",
    `let weight = 0;
    for (let i = 0; i < count; i++) {
      request.now++;
      if (keys !== undefined) request.key = keys[i & (keys.length - 1)];
      const pick = picker.pick(request);
      if (pick === undefined) return -1;
      weight += pick.candidate.instance.weight;
      pick.done(request.now, request.now + tookMs, false, 0);
    }
    return weight;`,
  ) as Loop;
}

/** One pick and the done() that has to follow it; the request is one object for all. */
export function pickCase(
  { name, factory, keyed = false }: SelectorUnderTest,
  candidates: readonly Candidate[],
): MicroCase {
  const picker = factory({ random: Math.random }).update(candidates);
  const keys = Array.from({ length: KEYS }, (_, i) => `customer-${Math.imul(i, 0x9e37_79b1) >>> 0}`);
  const request: Request = { method: "getUser", key: undefined, exclude: undefined, now: 0 };
  const loop = createLoop();
  return {
    name,
    heap: true,
    run(count) {
      const weight = loop(picker, request, keyed ? keys : undefined, TOOK_MS, count);
      if (weight < 0) throw new Error(`${name} picked nothing among ${candidates.length} ready instances`);
      return weight;
    },
  };
}
