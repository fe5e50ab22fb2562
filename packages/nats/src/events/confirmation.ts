import type { RpcError } from "@skein/core";
import { atMost } from "../pauses.ts";
import type { EventLink } from "./event-link.ts";

/** A server that does not confirm for so long is frozen, ms. */
const CONFIRM_MS = 5000;

interface Unconfirmed {
  readonly subject: string;
  readonly resolve: () => void;
  readonly reject: (error: RpcError) => void;
}

/**
 * Confirms what NATS alone says nothing of: whatever is published within a tick, and while a confirmation is on its way, shares one PING. The server takes
 * what comes in order, so that its PONG says that it has seen all that was before.
 */
export class Confirmation {
  readonly #link: EventLink;
  #next: Unconfirmed[] = [];
  #asked: Unconfirmed[] = [];
  #busy = false;

  constructor(link: EventLink) {
    this.#link = link;
    link.watchers.add({
      disconnected: (error) => this.#lost(error),
      denied: (subject) => this.#denied(subject),
    });
  }

  /** To be called in the tick in which it was published. Rejects with `executed: "maybe"` on a disconnect, and after 5 s. */
  confirm(subject: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#next.push({ subject, resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      this.#link.runtime.defer(() => void this.#run());
    });
  }

  async #run(): Promise<void> {
    while (this.#next.length > 0) {
      this.#asked = this.#next;
      this.#next = [];
      try {
        await this.#flush();
        // What the server denied was told before, but takes its time through the library.
        await new Promise<void>((resolve) => this.#link.runtime.yieldToIo(resolve));
        for (const { resolve } of this.#asked.splice(0)) resolve();
      } catch (error) {
        for (const one of this.#asked.splice(0)) one.reject(this.#unconfirmed(error));
      }
    }
    this.#busy = false;
  }

  #flush(): Promise<void> {
    const late = (): Error => new Error(`the server did not confirm within ${CONFIRM_MS} ms`);
    return atMost(this.#link.runtime.clock, CONFIRM_MS, this.#link.flush(), late);
  }

  #unconfirmed(cause: unknown): RpcError {
    return this.#link.fault("UNAVAILABLE", `not confirmed: ${(cause as Error).message}`, "maybe", cause);
  }

  #lost(cause: RpcError): void {
    for (const one of [...this.#asked.splice(0), ...this.#next.splice(0)])
      one.reject(this.#unconfirmed(cause));
  }

  #denied(subject: string): void {
    const refused = this.#link.deniedFault(subject);
    const hold = (one: Unconfirmed): boolean => {
      if (one.subject !== subject) return true;
      one.reject(refused);
      return false;
    };
    this.#asked = this.#asked.filter(hold);
    this.#next = this.#next.filter(hold);
  }
}
