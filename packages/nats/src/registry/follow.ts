import type { Runtime } from "@skein/core";
import { settled } from "@skein/registry/backend";
import type { Link } from "./link.ts";
import type { Presence } from "./presence.ts";
import { decodeSaying } from "./registry-message.ts";
import type { Skipped } from "./skipped.ts";

/** Answers come at once. */
const SETTLE = { leastMs: 200, quietMs: 100, mostMs: 1000 } as const;

export interface FollowOptions {
  readonly link: Link;
  readonly presence: Presence;
  readonly skipped: Skipped;
  readonly runtime: Runtime;
  /** Undefined: all services; then only answers are heard. */
  readonly service: string | undefined;
  /** Something was said that holds for so long, ms. */
  heard(leftMs: number): void;
}

/** Hears who serves one service, or anything, and takes it to a presence. */
export class Follow {
  readonly #o: FollowOptions;
  readonly #place: string;
  readonly #question: { ask(): void; end(): void };
  readonly #unsubscribe: () => void;
  #newsAt = Number.NEGATIVE_INFINITY;
  #looks = new Set<AbortController>();

  /** Throws where the service has a name that cannot be asked for. */
  constructor(options: FollowOptions) {
    this.#o = options;
    const { link, service } = options;
    this.#place = service ?? "*";
    const { subjects } = link;
    const asked = service === undefined ? subjects.askedAll : subjects.asked(service);
    link.open();
    this.#question = link.question(asked, (bytes, nobody) => (nobody ? this.#nobody() : this.#take(bytes)));
    this.#unsubscribe =
      service === undefined
        ? () => {}
        : link.subscribe(subjects.said(service), ({ bytes }) => this.#take(bytes));
  }

  #nobody(): void {
    for (const look of this.#looks) look.abort();
  }

  #take(bytes: Uint8Array): void {
    const { presence, skipped, runtime, service } = this.#o;
    const said = decodeSaying(bytes, service, (of, id) => presence.instance(of, id));
    skipped.add(this.#place, said.skipped);
    const now = runtime.clock.fresh();
    this.#newsAt = now;
    const { lease, ttlMs, leftMs } = said;
    for (const record of said.there) presence.add(record, { lease, ttlMs, leftMs, now });
    for (const gone of said.gone) presence.goodbye(gone, lease, now);
    if (said.there.length > 0) this.#o.heard(leftMs);
  }

  ask(): void {
    this.#question.ask();
  }

  /** Asks, and waits for answers. Resolves early when `signal` aborts, and when the server knows that there is nobody to answer. */
  async look(signal: AbortSignal): Promise<void> {
    const { skipped, runtime } = this.#o;
    if (signal.aborted) return;
    const look = new AbortController();
    const abort = (): void => look.abort();
    signal.addEventListener("abort", abort, { once: true });
    this.#looks.add(look);
    skipped.begin(this.#place);
    this.#question.ask();
    await settled(runtime, SETTLE, () => this.#newsAt, look.signal);
    this.#looks.delete(look);
    signal.removeEventListener("abort", abort);
    skipped.seen();
  }

  end(): void {
    this.#nobody();
    this.#question.end();
    this.#unsubscribe();
    this.#o.skipped.end(this.#place);
    if (this.#o.service !== undefined) this.#o.presence.forget(this.#o.service);
  }
}
