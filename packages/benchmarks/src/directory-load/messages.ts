/** What the processes of the bench tell each other, by IPC. */

/** A change that was looked for: seen when the client's candidates hold `id` with this weight, or, where there is none, do not. */
export interface Sample {
  readonly id: string;
  readonly weight: number | undefined;
  /** Just before it was written; see `nowMs`. */
  readonly at: number;
}

export type ToWriter =
  | { readonly do: "fill"; readonly count: number }
  | { readonly do: "change"; readonly perSecond: number; readonly seconds: number }
  | { readonly do: "stop" };
export type FromWriter =
  | { readonly is: "filled"; readonly tookMs: number }
  | { readonly is: "sample"; readonly sample: Sample }
  | {
      readonly is: "changed";
      readonly perSecond: number;
      /** From sending to the store's answer, p99, ms. */
      readonly writeP99: number;
      readonly truth: readonly (readonly [id: string, weight: number])[];
    };

export type ToMeasured =
  | { readonly do: "open"; readonly count: number }
  | { readonly do: "begin" }
  | { readonly do: "sample"; readonly sample: Sample }
  | {
      readonly do: "end";
      readonly truth: readonly (readonly [id: string, weight: number])[];
    };
export type FromMeasured =
  | { readonly is: "ready" }
  | { readonly is: "loaded"; readonly loading: Loading }
  | { readonly is: "done"; readonly figures: Figures };

/** From opening the registry to a client that knows all. */
export interface Loading {
  readonly tookMs: number;
  /** The longest that the event loop was held up, ms. */
  readonly delayMax: number;
}

export interface Figures {
  /** Ms from a change being sent to the store until calls are picked by it. */
  readonly seenP50: number;
  readonly seenP99: number;
  readonly seenMax: number;
  readonly samples: number;
  /** Removals of instances whose connection is healthy: held, as they should be. */
  readonly held: number;
  /** Samples that were not seen until the end. */
  readonly missed: number;
  /** At the end the whole view was compared: so many differ. */
  readonly wrong: number;
  readonly delayP50: number;
  readonly delayP99: number;
  readonly delayMax: number;
  /** Share of a core, 0 to 1. */
  readonly cpu: number;
  /** Live heap after a collection, over what it was before the registry was opened, MB. */
  readonly heapMb: number;
  readonly rssMb: number;
  readonly calls: number;
  readonly failedCalls: number;
  /** The view was built anew so many times a second. */
  readonly updates: number;
  readonly snapshots: number;
}

/** Ms of the machine's own monotonic clock, the same for all processes. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
