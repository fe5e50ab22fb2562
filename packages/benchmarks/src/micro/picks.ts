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

let loops = 0;

/**
 * Compiled anew for each selector: a client has one, and a loop that all of them went through would look up each time what to call. Numbered, as V8 keeps
 * the same text compiled, and what it has learned of it. Minus one: there was nobody to pick. What a caller reads of the instance is not counted.
 */
function createLoop(): Loop {
  return new Function(
    "picker",
    "request",
    "keys",
    "tookMs",
    "count",
    `// ${++loops}
    let picked = 0;
    for (let i = 0; i < count; i++) {
      request.now++;
      if (keys !== undefined) request.key = keys[i & (keys.length - 1)];
      const pick = picker.pick(request);
      if (pick === undefined) return -1;
      if (pick.candidate !== undefined) picked++;
      pick.done(request.now, request.now + tookMs, false, 0);
    }
    return picked;`,
  ) as Loop;
}

/** One pick and the done() that has to follow it; the request is one object for all. */
export function pickCase(
  { name, factory, keyed = false }: SelectorUnderTest,
  candidates: readonly Candidate[],
): MicroCase {
  const selector = factory({ random: Math.random });
  // A client begins with nobody: its pick is never the first that was made
  selector.update([]);
  const picker = selector.update(candidates);
  const keys = Array.from({ length: KEYS }, (_, i) => `customer-${Math.imul(i, 0x9e37_79b1) >>> 0}`);
  const request: Request = { method: "getUser", key: undefined, exclude: undefined, now: 0 };
  const loop = createLoop();
  return {
    name,
    heap: true,
    run(count) {
      const picked = loop(picker, request, keyed ? keys : undefined, TOOK_MS, count);
      if (picked < 0) throw new Error(`${name} picked nothing among ${candidates.length} ready instances`);
      return picked;
    },
  };
}
