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
  readonly told: (info: PeerInfo) => void;
  /** All have had their time. `nobody`: the server says that nobody is there. */
  readonly over: (nobody: boolean) => void;
}

/** Asks who there is, and what they offer. */
export class Census {
  readonly #o: CensusOptions;
  #asked: { readonly expected: Expected; readonly timer: Timer } | undefined;
  /** When the last began, clock.fresh() ms. */
  askedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CensusOptions) {
    this.#o = options;
  }

  get running(): boolean {
    return this.#asked !== undefined;
  }

  /** Anew, if it is under way. */
  ask(): void {
    this.end();
    const { runtime, link, name, answerMs } = this.#o;
    this.askedAt = runtime.clock.fresh();
    const expected = link.expect((message) => this.#answer(message));
    this.#asked = { expected, timer: runtime.clock.setTimer(answerMs, () => this.#over(false)) };
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
    this.#asked?.timer.cancel();
    this.#asked?.expected.end();
    this.#asked = undefined;
  }
}
