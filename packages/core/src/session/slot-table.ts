const INDEX_BITS = 20;
const INDEX_MASK = (1 << INDEX_BITS) - 1;
const STEP = 1 << INDEX_BITS;

/** A stream id's slot: what the server files the call under, too. */
export function slotOf(id: number): number {
  return id & INDEX_MASK;
}

/**
 * Calls in flight by stream id. Slots are reused through a free list; the id carries the slot's generation (11 bits, from 1), so a
 * late frame for a finished call finds nothing. As frames are ordered and a cancelled call is never answered after its CANCEL was
 * read, a generation can't come round again while a frame of its former self is still under way.
 */
export class SlotTable<T> {
  readonly #slots: (T | undefined)[] = [];
  readonly #ids: number[] = [];
  readonly #free: number[] = [];
  size = 0;

  add(item: T): number {
    this.size++;
    const free = this.#free.pop();
    if (free !== undefined) {
      this.#slots[free] = item;
      return this.#ids[free] as number;
    }
    const id = (this.#slots.push(item) - 1) | STEP;
    this.#ids.push(id);
    return id;
  }

  get(id: number): T | undefined {
    const slot = id & INDEX_MASK;
    return this.#ids[slot] === id ? this.#slots[slot] : undefined;
  }

  /** Removes and returns it. */
  take(id: number): T | undefined {
    const slot = id & INDEX_MASK;
    if (this.#ids[slot] !== id) return undefined;
    const item = this.#slots[slot];
    if (item === undefined) return undefined;
    this.#slots[slot] = undefined;
    const next = (id + STEP) & 0x7fffffff;
    this.#ids[slot] = next < STEP ? next + STEP : next;
    this.#free.push(slot);
    this.size--;
    return item;
  }

  /** `visit` may take items, itself included. */
  forEach(visit: (item: T) => void): void {
    for (let i = 0; i < this.#slots.length; i++) {
      const item = this.#slots[i];
      if (item !== undefined) visit(item);
    }
  }
}
