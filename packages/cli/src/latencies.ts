/** Buckets an octave: values are told with an error below 1/128. */
const PER_OCTAVE = 128;
const OCTAVES = 34;

/** Counts durations in buckets that grow with them, as HDR histograms do: constant memory, errors under 0.8 %, 1 µs at the least. */
export class Latencies {
  readonly #counts = new Float64Array(PER_OCTAVE * (OCTAVES + 1));
  #count = 0;
  #maxMs = 0;

  get count(): number {
    return this.#count;
  }

  get maxMs(): number {
    return this.#maxMs;
  }

  record(ms: number): void {
    const at = Math.min(bucketOf(ms * 1000), this.#counts.length - 1);
    this.#counts[at] = (this.#counts[at] ?? 0) + 1;
    this.#count++;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  /** Milliseconds that the fraction `q` (0 to 1) of all stay at or under; undefined when there are none. */
  quantile(q: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (let at = 0; at < this.#counts.length; at++) {
      seen += this.#counts[at] ?? 0;
      if (seen >= rank) return Math.min(upperEnd(at) / 1000, this.#maxMs);
    }
    return this.#maxMs;
  }
}

/** Linear up to PER_OCTAVE µs, then PER_OCTAVE buckets for each doubling. */
function bucketOf(us: number): number {
  const whole = Math.max(0, Math.floor(us));
  if (whole < PER_OCTAVE) return whole;
  const octave = Math.floor(Math.log2(whole / PER_OCTAVE));
  const width = 2 ** octave;
  return PER_OCTAVE * (octave + 1) + Math.min(PER_OCTAVE - 1, Math.floor(whole / width) - PER_OCTAVE);
}

function upperEnd(bucket: number): number {
  if (bucket < PER_OCTAVE) return bucket + 1;
  const octave = Math.floor(bucket / PER_OCTAVE) - 1;
  return ((bucket % PER_OCTAVE) + PER_OCTAVE + 1) * 2 ** octave;
}
