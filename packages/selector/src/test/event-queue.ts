interface Event {
  readonly at: number;
  readonly fire: () => void;
}

/** What happens later, in order of time (a binary heap). */
export class EventQueue {
  readonly #heap: Event[] = [];

  add(at: number, fire: () => void): void {
    const heap = this.#heap;
    let i = heap.length;
    const event = { at, fire };
    heap.push(event);
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if ((heap[parent] as Event).at <= at) break;
      heap[i] = heap[parent] as Event;
      i = parent;
    }
    heap[i] = event;
  }

  /** All that is due. */
  run(now: number): void {
    const heap = this.#heap;
    for (let first = heap[0]; first !== undefined && first.at <= now; first = heap[0]) {
      this.#take();
      first.fire();
    }
  }

  #take(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let i = 0;
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      const right = heap[child + 1];
      if (right !== undefined && right.at < (heap[child] as Event).at) child++;
      if ((heap[child] as Event).at >= last.at) break;
      heap[i] = heap[child] as Event;
      i = child;
    }
    heap[i] = last;
  }
}
