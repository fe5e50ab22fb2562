import type { Runtime } from "@skein/core";
import { JUDGED_MS, RETURN_MS } from "../../limits.ts";
import type { NatsMessage, NatsPort, NatsPortEvents } from "../../nats-port.ts";
import { checkToken } from "../../subjects.ts";

export interface LinkOptions {
  readonly runtime: Runtime;
  readonly connect: (events: NatsPortEvents) => NatsPort;
}

/** Where answers to one question come. */
export interface Expected {
  /** To be asked for there. */
  readonly reply: string;
  end(): void;
}

/** Of the connection, whichever it is. */
interface History {
  lost: boolean;
  /** When it was there again after it was lost, or another of its cluster was: clock.fresh() ms. */
  backAt: number;
}

/** The connection that all services of one client share, with one subscription for all answers. It is there while somebody uses it. */
export class Link {
  readonly #o: LinkOptions;
  readonly #history: History = { lost: false, backAt: Number.NEGATIVE_INFINITY };
  #current: OpenLink | undefined;

  constructor(options: LinkOptions) {
    this.#o = options;
  }

  /** release() follows. */
  use(lost: (why: string) => void): { readonly link: OpenLink; release(): void } {
    this.#current ??= new OpenLink(this.#o, this.#history);
    const link = this.#current;
    link.users.add(lost);
    return {
      link,
      release: () => {
        if (!link.users.delete(lost) || link.users.size > 0) return;
        // Whoever comes back in this turn finds it open.
        this.#o.runtime.yieldToIo(() => this.#leave(link));
      },
    };
  }

  #leave(link: OpenLink): void {
    if (link.users.size > 0 || this.#current !== link) return;
    this.#current = undefined;
    void link.port.close();
  }
}

export class OpenLink {
  readonly port: NatsPort;
  /** What each does when the connection is lost. */
  readonly users = new Set<(why: string) => void>();
  readonly #runtime: Runtime;
  readonly #history: History;
  readonly #inbox: string;
  readonly #expected = new Map<number, (message: NatsMessage) => void>();
  #last = 0;
  /** Why answers cannot come: the server does not let us subscribe to them. */
  refused: Error | undefined;

  constructor({ runtime, connect }: LinkOptions, history: History) {
    this.#runtime = runtime;
    this.#history = history;
    this.#inbox = `_INBOX.${checkToken(runtime.uniqueId(), "name of an inbox")}.`;
    this.port = connect({
      connected: () => {
        this.refused = undefined;
        if (history.lost) history.backAt = runtime.clock.fresh();
        history.lost = false;
      },
      memberGone: () => {
        history.backAt = runtime.clock.fresh();
      },
      disconnected: (why) => {
        history.lost = true;
        for (const lost of [...this.users]) lost(why);
      },
    });
    this.port.subscribe(
      `${this.#inbox}*`,
      (message) => this.#take(message),
      (error) => {
        this.refused = error;
      },
    );
  }

  /** After a loss, of the server or of another of its cluster: that nobody is there may be otherwise soon. */
  get justBack(): boolean {
    return this.#runtime.clock.fresh() - this.#history.backAt < RETURN_MS;
  }

  #take(message: NatsMessage): void {
    const { clock, yieldToIo } = this.#runtime;
    // It may be told next that a member of the cluster is gone, and with it those who were there: see justBack.
    if (message.nobody && this.port.clustered === true)
      clock.setTimer(JUDGED_MS, () => yieldToIo(() => this.#handOn(message)));
    else this.#handOn(message);
  }
  #handOn(message: NatsMessage): void {
    this.#expected.get(Number(message.subject.slice(this.#inbox.length)))?.(message);
  }

  /** `take` is called with each answer until it is ended. */
  expect(take: (message: NatsMessage) => void): Expected {
    const id = ++this.#last;
    this.#expected.set(id, take);
    return { reply: this.#inbox + id, end: () => void this.#expected.delete(id) };
  }
}
