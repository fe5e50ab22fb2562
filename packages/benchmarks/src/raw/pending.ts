export interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** Calls in flight by id. */
export interface Waiters<T> {
  add(waiter: Waiter<T>): number;
  take(id: number): Waiter<T>;
}

export function waiters<T>(inMap: boolean): Waiters<T> {
  return inMap ? mapped() : slotted();
}

const unknown = (id: number): Error => new Error(`an answer came for call ${id}, which nobody waits for`);

function slotted<T>(): Waiters<T> {
  const slots: (Waiter<T> | undefined)[] = [];
  const free: number[] = [];
  return {
    add(waiter) {
      const id = free.pop() ?? slots.length;
      slots[id] = waiter;
      return id;
    },
    take(id) {
      const waiter = slots[id];
      if (!waiter) throw unknown(id);
      slots[id] = undefined;
      free.push(id);
      return waiter;
    },
  };
}

function mapped<T>(): Waiters<T> {
  const byId = new Map<number, Waiter<T>>();
  let last = 0;
  return {
    add(waiter) {
      last = (last + 1) & 0x7fff_ffff;
      byId.set(last, waiter);
      return last;
    },
    take(id) {
      const waiter = byId.get(id);
      if (!waiter) throw unknown(id);
      byId.delete(id);
      return waiter;
    },
  };
}
