import type { OutgoingCall } from "./outgoing-call.ts";

/** Calls that wait for a free slot on their session, in order. A Set: removal is O(1) and iteration is by insertion. */
export class CallQueue {
  readonly #calls = new Set<OutgoingCall>();

  get size(): number {
    return this.#calls.size;
  }

  push(call: OutgoingCall): void {
    this.#calls.add(call);
  }

  shift(): OutgoingCall | undefined {
    for (const call of this.#calls) {
      this.#calls.delete(call);
      return call;
    }
    return undefined;
  }

  /** True when it waited here. */
  remove(call: OutgoingCall): boolean {
    return this.#calls.delete(call);
  }

  /** Those that wait now, in order. */
  all(): readonly OutgoingCall[] {
    return [...this.#calls];
  }

  /** Removes and returns those whose time is up. */
  expired(now: number): readonly OutgoingCall[] {
    const late: OutgoingCall[] = [];
    for (const call of this.#calls) if (call.expiresAt <= now) late.push(call);
    for (const call of late) this.#calls.delete(call);
    return late;
  }
}
