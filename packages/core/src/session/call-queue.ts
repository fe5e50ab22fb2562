import type { OutgoingCall } from "./outgoing-call.ts";

/**
 * Calls that wait for a free slot on their session: `critical` ones first, `sheddable` ones last, each in order. An overloaded server's slots are
 * all taken: urgent work does not wait behind what is going to be refused. Sets: removal is O(1) and iteration is by insertion.
 */
export class CallQueue {
  readonly #critical = new Set<OutgoingCall>();
  readonly #normal = new Set<OutgoingCall>();
  readonly #sheddable = new Set<OutgoingCall>();
  readonly #byRank = [this.#critical, this.#normal, this.#sheddable];

  get size(): number {
    return this.#critical.size + this.#normal.size + this.#sheddable.size;
  }

  push(call: OutgoingCall): void {
    this.#of(call).add(call);
  }

  #of({ endpoint }: OutgoingCall): Set<OutgoingCall> {
    if (endpoint.priority === "critical") return this.#critical;
    return endpoint.priority === "sheddable" ? this.#sheddable : this.#normal;
  }

  shift(): OutgoingCall | undefined {
    for (const calls of this.#byRank)
      for (const call of calls) {
        calls.delete(call);
        return call;
      }
    return undefined;
  }

  /** True when it waited here. */
  remove(call: OutgoingCall): boolean {
    return this.#of(call).delete(call);
  }

  /** Those that wait now, as they would go. */
  all(): readonly OutgoingCall[] {
    return this.#byRank.flatMap((calls) => [...calls]);
  }

  /** Removes and returns those whose time is up. */
  expired(now: number): readonly OutgoingCall[] {
    const late = this.all().filter((call) => call.expiresAt <= now);
    for (const call of late) this.remove(call);
    return late;
  }
}
