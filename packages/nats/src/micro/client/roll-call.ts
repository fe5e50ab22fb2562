import type { Runtime, Timer } from "@skein/core";
import type { Expected, OpenLink } from "./link.ts";

/** Beyond so many nobody is remembered, nor asked. */
const MOST = 100;
/** Between two, ms; while all are there twice as much each time… */
const LEAST_MS = 500;
/** …up to this. */
const MOST_MS = 2000;

export interface RollCallOptions {
  readonly runtime: Runtime;
  readonly link: OpenLink;
  /** As the protocol writes it. */
  readonly name: string;
  /** How long they have to answer, ms. */
  readonly answerMs: number;
  /** Of those that have not answered, how long they are asked, ms. */
  readonly forgetMs: number;
  /** The server says of one that it is there no more: its process is at an end, or it has said goodbye. */
  readonly gone: () => void;
  /** Some do not answer, which were there at `askedAt`: they are frozen. `all`: nobody has answered. */
  readonly silent: (askedAt: number, all: boolean) => void;
  readonly answered: () => void;
}

interface Call {
  readonly askedAt: number;
  readonly expected: Expected[];
  readonly missing: Set<string>;
  readonly timer: Timer;
  answers: number;
}

/** Asks those who have been there, one by one, whether they are: a queue group does not say who has a request, nor that he is gone. */
export class RollCall {
  readonly #o: RollCallOptions;
  /** By id: when it is forgotten unless it answers. Infinity: it has answered. */
  readonly #known = new Map<string, number>();
  #call: Call | undefined;
  #nextAt = Number.NEGATIVE_INFINITY;
  #everyMs = LEAST_MS;

  constructor(options: RollCallOptions) {
    this.#o = options;
  }

  /** It has told of itself. */
  met(id: string): void {
    if (this.#known.size < MOST || this.#known.has(id)) this.#known.set(id, Number.POSITIVE_INFINITY);
  }

  get empty(): boolean {
    return this.#known.size === 0;
  }

  /** Nothing is missed: the next is called as soon as something is. */
  rest(): void {
    this.#everyMs = LEAST_MS;
    this.#nextAt = Number.NEGATIVE_INFINITY;
  }

  /** Unless one is under way, or it is not its time. */
  begin(now: number): void {
    if (this.#call !== undefined || now < this.#nextAt || this.#known.size === 0) return;
    const { runtime, link, name, answerMs } = this.#o;
    this.#nextAt = now + this.#everyMs;
    this.#everyMs = Math.min(MOST_MS, this.#everyMs * 2);
    const missing = new Set(this.#known.keys());
    const timer = runtime.clock.setTimer(answerMs, () => this.#over());
    this.#call = { askedAt: now, expected: [], missing, timer, answers: 0 };
    for (const id of missing) {
      const expected = link.expect(({ nobody }) => this.#answer(id, nobody));
      this.#call.expected.push(expected);
      link.port.publish(`$SRV.PING.${name}.${id}`, new Uint8Array(), expected.reply);
    }
  }

  #answer(id: string, nobody: boolean): void {
    const call = this.#call;
    if (call?.missing.delete(id) !== true) return;
    if (nobody) {
      this.#known.delete(id);
      this.rest();
      this.#o.gone();
    } else {
      call.answers++;
      this.met(id);
      this.#o.answered();
    }
    if (call.missing.size === 0) this.end();
  }

  #over(): void {
    const call = this.#call;
    this.end();
    if (call === undefined) return;
    const { runtime, forgetMs, silent } = this.#o;
    const now = runtime.clock.fresh();
    for (const id of call.missing) {
      const forgetAt = this.#known.get(id) ?? 0;
      if (forgetAt === Number.POSITIVE_INFINITY) this.#known.set(id, now + forgetMs);
      else if (forgetAt <= now) this.#known.delete(id);
    }
    this.rest();
    silent(call.askedAt, call.answers === 0);
  }

  end(): void {
    this.#call?.timer.cancel();
    for (const expected of this.#call?.expected ?? []) expected.end();
    this.#call = undefined;
  }
}
