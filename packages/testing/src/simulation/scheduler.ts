import type { Timer } from "@skein/core";

class Due implements Timer {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | undefined;

  constructor(at: number, order: number, fire: () => void) {
    this.at = at;
    this.order = order;
    this.fire = fire;
  }

  cancel(): void {
    this.fire = undefined;
  }
}

/** Taken when the module is loaded: tests that replace the globals do not stop the world. */
const immediate = setImmediate;
const { nextTick } = process;
/** Real I/O, of whoever else is in this process, gets its turn once in so many steps. */
const STEPS_A_TURN = 128;

/** The world's clock: virtual milliseconds, and what is due when. Of two things due at once, the one that was asked for first comes first. */
export class Scheduler {
  now = 0;
  #order = 0;
  #steps = 0;
  readonly #heap: Due[] = [];

  /** Not before now. */
  at(time: number, fire: () => void): Timer {
    const due = new Due(Math.max(time, this.now), this.#order++, fire);
    this.#push(due);
    return due;
  }

  /** When the next thing is due; Infinity: nothing is. */
  get nextAt(): number {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.fire !== undefined) return first.at;
      this.#pop();
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Does the next thing, and everything that follows from it at once. The clock jumps to its time. */
  async step(): Promise<void> {
    const next = this.#pop();
    if (next?.fire === undefined) return;
    this.now = next.at;
    next.fire();
    await (++this.#steps % STEPS_A_TURN === 0 ? turn() : settled());
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(due);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(due, heap[parent] as Due)) break;
      heap[i] = heap[parent] as Due;
      i = parent;
    }
    heap[i] = due;
  }

  #pop(): Due | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Due, heap[child] as Due)) child++;
      if (!before(heap[child] as Due, last)) break;
      heap[i] = heap[child] as Due;
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/**
 * Resolves once no promise job is left to run, however long their chains are: ticks come when there are none. Twice, for what other ticks
 * have begun.
 */
function settled(): Promise<void> {
  return new Promise((resolve) => nextTick(() => nextTick(resolve)));
}

/** As settled(), after real I/O. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void immediate(resolve));
}
