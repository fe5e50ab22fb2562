const FIRST_ROWS = 16;

/** Has a row, which may come to lie elsewhere. */
export interface RowHolder {
  rows: Float64Array;
  /** Where it begins. */
  at: number;
}

/**
 * Numbers of many instances, side by side: what a call reads of one of them lies in one line of the cache. Among 10,000 instances memory is
 * what a pick waits for. Numbers here are written in place, where a field that holds a fraction is a thing of its own on the heap.
 */
export class Rows {
  readonly #stride: number;
  readonly #free: number[] = [];
  readonly #holders = new Set<RowHolder>();
  #used = 0;
  /** All of them; another array once there are more. */
  data: Float64Array;

  constructor(stride: number) {
    this.#stride = stride;
    this.data = new Float64Array(FIRST_ROWS * stride);
  }

  /** Gives it a row of zeros. */
  give(holder: RowHolder): void {
    const at = this.#free.pop() ?? this.#used++ * this.#stride;
    if (at >= this.data.length) this.#grow();
    this.#holders.add(holder);
    holder.rows = this.data;
    holder.at = at;
  }

  /** It leaves, and takes its numbers along: calls of its may still be in flight. */
  part(holder: RowHolder): void {
    const { at } = holder;
    this.#holders.delete(holder);
    holder.rows = this.data.slice(at, at + this.#stride);
    holder.at = 0;
    this.data.fill(0, at, at + this.#stride);
    this.#free.push(at);
  }

  #grow(): void {
    const data = new Float64Array(this.data.length * 2);
    data.set(this.data);
    this.data = data;
    for (const holder of this.#holders) holder.rows = data;
  }
}
