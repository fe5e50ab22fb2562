import type { LatencySummary } from "./protocol.ts";

/** Keeps every latency up to a limit, so that recording one is a single store; sorts once at the end. */
export class Latencies {
  readonly #values: Float64Array;
  #count = 0;

  /** @param capacity later values are not kept @default 400000 */
  constructor(capacity = 400_000) {
    this.#values = new Float64Array(capacity);
  }

  add(milliseconds: number): void {
    if (this.#count < this.#values.length) this.#values[this.#count++] = milliseconds * 1000;
  }

  /** Undefined when nothing was added. */
  summary(): LatencySummary | undefined {
    if (this.#count === 0) return undefined;
    const sorted = this.#values.subarray(0, this.#count).sort();
    const at = (share: number): number => {
      const value = sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
      return Math.round(value * 10) / 10;
    };
    return { p50: at(0.5), p99: at(0.99), p999: at(0.999) };
  }
}
