import type { FakeRuntime } from "@skein/core/testing";
import type { Medium } from "../medium.ts";
import type { Message } from "../wire.ts";

/** A network on a fake clock. */
export class FakeNetwork {
  /** Of each message, for each who would hear it. */
  loss = 0;
  /** How many were sent. */
  readonly sent = { query: 0, response: 0 };
  readonly #runtime: FakeRuntime;
  readonly #members = new Set<FakeMember>();

  constructor(runtime: FakeRuntime) {
    this.#runtime = runtime;
  }

  join(): FakeMember {
    const member = new FakeMember((message) => this.#send(member, message));
    this.#members.add(member);
    return member;
  }

  #send(from: FakeMember, message: Message): void {
    this.sent[message.type]++;
    if (from.cut) return;
    for (const to of this.#members) {
      if (this.#runtime.random() < this.loss) continue;
      const takes = 1 + 2 * this.#runtime.random();
      this.#runtime.clock.setTimer(takes, () => {
        if (!to.cut && !to.closed) to.onMessage(message);
      });
    }
  }
}

export class FakeMember implements Medium {
  onMessage: (message: Message) => void = () => {};
  onNewWay: () => void = () => {};
  /** Nothing comes in, nothing goes out, and nobody says so. */
  cut = false;
  /** As after kill -9. */
  closed = false;
  /** Rejects while it is set. */
  fault: Error | undefined;
  readonly #send: (message: Message) => void;

  constructor(send: (message: Message) => void) {
    this.#send = send;
  }

  async open(): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
  }
  async check(): Promise<void> {}
  async send(message: Message): Promise<void> {
    if (this.fault !== undefined) throw this.fault;
    if (!this.closed) this.#send(message);
  }
  async close(): Promise<void> {
    this.closed = true;
  }
}
