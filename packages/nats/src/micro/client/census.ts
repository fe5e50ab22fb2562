import type { Runtime, Timer } from "@skein/core";
import type { NatsMessage } from "../../nats-port.ts";
import { type PeerInfo, readInfo } from "../records.ts";
import type { Expected, OpenLink } from "./link.ts";

export interface CensusOptions {
  readonly runtime: Runtime;
  readonly link: OpenLink;
  /** As the protocol writes it. */
  readonly name: string;
  /** How long instances have to answer, ms. */
  readonly answerMs: number;
  /** Whether it is asked again, and old answers count as well, when all have had their time. */
  readonly goesOn: () => boolean;
  readonly told: (info: PeerInfo) => void;
  /** All have had their time. `nobody`: the server says that nobody is there. */
  readonly over: (nobody: boolean) => void;
}

/** Asks who there is, and what they offer. */
export class Census {
  readonly #o: CensusOptions;
  #expected: Expected | undefined;
  #timer: Timer | undefined;
  /** When it was asked last, clock.fresh() ms. */
  askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CensusOptions) {
    this.#o = options;
  }

  get running(): boolean {
    return this.#expected !== undefined;
  }

  /** Anew, if it is under way. */
  ask(): void {
    this.end();
    this.#expected = this.#o.link.expect((message) => this.#answer(message));
    this.#publish(this.#expected);
  }

  #publish(expected: Expected): void {
    const { runtime, link, name, answerMs, goesOn } = this.#o;
    this.askedAt = runtime.clock.fresh();
    const late = (): void => (goesOn() ? this.#publish(expected) : this.#over(false));
    this.#timer = runtime.clock.setTimer(answerMs, late);
    link.port.publish(`$SRV.INFO.${name}`, new Uint8Array(), expected.reply);
  }

  #answer({ bytes, nobody }: NatsMessage): void {
    if (nobody) return this.#over(true);
    const info = readInfo(bytes, this.#o.name);
    if (info !== undefined) this.#o.told(info);
  }

  #over(nobody: boolean): void {
    this.end();
    this.#o.over(nobody);
  }

  end(): void {
    this.#timer?.cancel();
    this.#expected?.end();
    this.#expected = undefined;
  }
}
