import { nanos } from "../jetstream/nanos.ts";
import type { EventLink } from "./event-link.ts";

/** Not confirmed within this, a word is said again, ms. */
const AGAIN_MS = 5000;

/** What is said to JetStream of an event. */
export const WORDS = {
  done: Buffer.from("+ACK"),
  working: Buffer.from("+WPI"),
  never: Buffer.from("+TERM"),
  again: (delayMs: number): Buffer => Buffer.from(delayMs <= 0 ? "-NAK" : `-NAK {"delay":${nanos(delayMs)}}`),
} as const;

/** Of events that are done with, so many are remembered: a server that was killed forgets what it was told last, and gives them out again. */
const REMEMBERED = 1024;

/** Whose end is said. */
export interface Given {
  readonly sequence: number;
  readonly key: string;
  readonly ack: string;
}

interface Said {
  readonly sequence: number;
  ack: string;
  readonly word: Uint8Array;
  busy: boolean;
}

/** Says of events what became of them until JetStream confirms it: also when the connection is lost meanwhile. */
export class Settlements {
  readonly #link: EventLink;
  readonly #nobody: () => void;
  readonly #said = new Map<string, Said>();
  readonly #done = new Map<string, Uint8Array>();
  #empty: (() => void)[] = [];
  #held = false;
  #ended = false;

  /** @param nobody called when there is no consumer to take it */
  constructor(link: EventLink, nobody: () => void) {
    this.#link = link;
    this.#nobody = nobody;
  }

  /** Whether it is done with. */
  isDone(key: string): boolean {
    return this.#done.has(key);
  }

  say({ sequence, key, ack }: Given, word: Uint8Array): void {
    if (this.#ended) return;
    if (word === WORDS.done || word === WORDS.never) this.#remember(key, word);
    const said = { sequence, ack, word, busy: false };
    this.#said.set(key, said);
    void this.#send(key, said);
  }

  #remember(key: string, word: Uint8Array): void {
    this.#done.set(key, word);
    if (this.#done.size <= REMEMBERED) return;
    for (const oldest of this.#done.keys()) {
      this.#done.delete(oldest);
      break;
    }
  }

  /** It is done with and was given out again: that is said there. */
  sayAgain(given: Given): void {
    const said = this.#said.get(given.key);
    const word = this.#done.get(given.key);
    if (word === undefined) return;
    if (said === undefined) return this.say(given, word);
    said.ack = given.ack;
    void this.#send(given.key, said);
  }

  /** Says nothing until sayAllAgain(): it is not known whether the consumer is still the one that we were given events by. */
  hold(): void {
    this.#held = true;
  }

  sayAllAgain(): void {
    this.#held = false;
    for (const [key, said] of this.#said) void this.#send(key, said);
  }

  /** What is up to there was said to a consumer that is no more. */
  forget(upTo = Number.POSITIVE_INFINITY): void {
    for (const [key, said] of this.#said) if (said.sequence <= upTo) this.#over(key, said);
  }

  async #send(key: string, said: Said): Promise<void> {
    if (said.busy) return;
    said.busy = true;
    try {
      while (!this.#held && this.#link.connected && this.#said.get(key) === said) {
        const { ack } = said;
        const answer = await this.#link.request(ack, said.word, AGAIN_MS).catch(() => undefined);
        if (answer?.nobody === true) {
          this.#nobody();
          return;
        }
        if (answer !== undefined && ack === said.ack) this.#over(key, said);
      }
    } finally {
      said.busy = false;
    }
  }

  #over(key: string, said: Said): void {
    if (this.#said.get(key) !== said) return;
    this.#said.delete(key);
    if (this.#said.size === 0) for (const tell of this.#empty.splice(0)) tell();
  }

  /** Says nothing more, and waits for nothing. */
  end(): void {
    this.#ended = true;
    this.forget();
  }

  /** Resolves once all is confirmed. */
  allConfirmed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#said.size === 0) resolve();
      else this.#empty.push(resolve);
    });
  }
}
