const f64 = new Float64Array(1);
const u32 = new Uint32Array(f64.buffer);
const BUCKETS = 128;

/**
 * Calls of one method: counts and latencies in log buckets, four a power of two from 1 µs (so within 19 %). About 0.1 µs a call:
 * the bucket is read from the exponent and the first two bits of the mantissa.
 */
export class MethodStats {
  started = 0;
  succeeded = 0;
  failed = 0;
  /** Ended when nobody waited for them any more. */
  cancelled = 0;
  readonly buckets: Uint32Array = new Uint32Array(BUCKETS);

  finished(ms: number, failed: boolean): void {
    if (failed) this.failed++;
    else this.succeeded++;
    f64[0] = ms * 1000 + 1;
    const bucket = (((u32[1] as number) >>> 18) & 0x1fff) - (1023 << 2);
    const at = bucket < 0 ? 0 : bucket >= BUCKETS ? BUCKETS - 1 : bucket;
    this.buckets[at] = (this.buckets[at] as number) + 1;
  }

  /** Upper bound of the bucket that holds the quantile, ms; 0 without calls. */
  quantile(q: number): number {
    const total = this.succeeded + this.failed;
    let seen = 0;
    for (let i = 0; i < BUCKETS; i++) {
      seen += this.buckets[i] as number;
      if (total > 0 && seen >= q * total) return (2 ** (i >> 2) * (1 + ((i & 3) + 1) / 4) - 1) / 1000;
    }
    return 0;
  }
}
