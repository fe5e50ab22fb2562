import type { RpcError } from "@skein/core";
import { nanos } from "../jetstream/nanos.ts";
import type { Answer } from "../jetstream/pending-questions.ts";
import { pause } from "../pauses.ts";
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

export interface SettlementsListener {
  /** There is no consumer to take it. */
  nobody(): void;
  /** The server does not let us say it: told once, until something is confirmed. */
  refused(error: RpcError): void;
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
  readonly #listener: SettlementsListener;
  readonly #said = new Map<string, Said>();
  readonly #done = new Map<string, Uint8Array>();
  #empty: (() => void)[] = [];
  #held = false;
  #refused = false;
  #ended = false;

  constructor(link: EventLink, listener: SettlementsListener) {
    this.#link = link;
    this.#listener = listener;
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
        const answer = await this.#ask(ack, said.word);
        if (answer?.nobody === true) {
          this.#listener.nobody();
          return;
        }
        if (answer !== undefined && ack === said.ack) this.#over(key, said);
      }
    } finally {
      said.busy = false;
    }
  }

  /** Undefined, where there is no answer: after AGAIN_MS, or at once where the connection is lost. */
  async #ask(ack: string, word: Uint8Array): Promise<Answer | undefined> {
    const { clock } = this.#link.runtime;
    const begun = clock.fresh();
    try {
      const answer = await this.#link.request(ack, word, AGAIN_MS);
      this.#refused = false;
      return answer;
    } catch (error) {
      const left = begun + AGAIN_MS - clock.fresh();
      if (left <= 0 || !this.#link.connected) return undefined;
      if (!this.#refused) this.#listener.refused(error as RpcError);
      this.#refused = true;
      await pause(clock, left);
      return undefined;
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
