/**
 * The switches of the hand-written limit, comma-separated: each idea that makes it fast can be turned off to see what it is worth.
 * `no-X` turns X off; `flush=micro` and `early=4096` carry a value.
 */
export interface RawVariant {
  /** Pack straight into the batch buffer, with room for the header kept in front; else pack, then copy. @default true */
  readonly zc: boolean;
  /** msgpackr records, sent once a connection; else plain maps, as Skein's default codec has them. @default true */
  readonly rec: boolean;
  /** The client reads into one static buffer (`onread` of net.connect). @default true */
  readonly onread: boolean;
  /** Calls in flight in a Map; else in an array of slots with a free list. @default false */
  readonly map: boolean;
  /** The handler is an async function and awaited, as a framework with promises does it. @default false */
  readonly async: boolean;
  /** JSON text in the same frames. @default false */
  readonly json: boolean;
  /** With flush=none: one write a frame between cork() and uncork(). @default false */
  readonly cork: boolean;
  /** When a batch leaves: at the end of the tick, in a microtask, with setImmediate, or each frame by itself. @default "tick" */
  readonly flush: "tick" | "micro" | "immediate" | "none";
  /** Bytes waiting that make the batch leave at once; 0: never. @default 0 */
  readonly early: number;
}

const flushes = ["tick", "micro", "immediate", "none"] as const;
const flags = ["zc", "rec", "onread", "map", "async", "json", "cork"] as const;
type Flag = (typeof flags)[number];

export function parseRawVariant(text: string): RawVariant {
  const on: Record<Flag, boolean> = {
    zc: true,
    rec: true,
    onread: true,
    map: false,
    async: false,
    json: false,
    cork: false,
  };
  let flush: RawVariant["flush"] = "tick";
  let early = 0;
  for (const part of text.split(",").filter((p) => p !== "")) {
    const [key = "", value] = part.split("=", 2);
    const flag = flags.find((f) => f === key.replace(/^no-/, ""));
    const newFlush = flushes.find((f) => f === value);
    if (flag && value === undefined) on[flag] = !key.startsWith("no-");
    else if (key === "flush" && newFlush) flush = newFlush;
    else if (key === "early" && /^\d+$/.test(value ?? "")) early = Number(value);
    else
      throw new Error(
        `raw-net does not know "${part}": use ${flags.map((f) => `[no-]${f}`).join(", ")}, flush=${flushes.join("|")}, early=BYTES`,
      );
  }
  return { ...on, flush, early };
}
