import { MethodStats } from "../server/method-stats.ts";

/** Fewer say nothing. */
const ENOUGH = 20;
/** After so many all count half: what was long ago is forgotten. */
const HALF_LIFE = 1000;
/** The quantile is looked up again after so many. */
const FRESH = 16;

/** How long calls take at the moment: a decaying histogram whose buckets are within 19 %. */
export class LatencyEstimate {
  readonly #stats = new MethodStats();
  #since = 0;
  #p95Ms = 0;

  add(ms: number): void {
    const stats = this.#stats;
    stats.finished(ms, false);
    if (stats.succeeded >= HALF_LIFE) this.#halve();
    if (++this.#since < FRESH && stats.succeeded !== ENOUGH) return;
    this.#since = 0;
    this.#p95Ms = stats.quantile(0.95);
  }

  #halve(): void {
    const { buckets } = this.#stats;
    let left = 0;
    for (let i = 0; i < buckets.length; i++) left += buckets[i] = (buckets[i] as number) >> 1;
    this.#stats.succeeded = left;
  }

  /** ms; undefined: not known yet. */
  get p95Ms(): number | undefined {
    return this.#stats.succeeded < ENOUGH ? undefined : this.#p95Ms;
  }
}
