import type { Timer } from "@skein/core";

interface Due {
  readonly at: number;
  readonly order: number;
  fire: (() => void) | undefined;
}

/** Taken when the module is loaded: tests that replace the global's do not stop the world. */
const immediate = setImmediate;

/** The world's clock: virtual milliseconds, and what is due when. Of two things due at once, the one that was asked for first comes first. */
export class Scheduler {
  now = 0;
  #order = 0;
  readonly #heap: Due[] = [];

  /** Not before now. */
  at(time: number, fire: () => void): Timer {
    const due: Due = { at: Math.max(time, this.now), order: this.#order++, fire };
    this.#push(due);
    return {
      cancel: () => {
        due.fire = undefined;
      },
    };
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
    await turn();
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

/** Resolves once no promise job and no process.nextTick is left to run: however long their chains are. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void immediate(resolve));
}
