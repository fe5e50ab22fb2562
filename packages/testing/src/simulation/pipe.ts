import type { Random } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";

export type Segment =
  | { readonly kind: "data"; readonly bytes: Uint8Array }
  | { readonly kind: "end" }
  | { readonly kind: "reset" };

/** What a pipe asks of its network. */
export interface Road {
  readonly scheduler: Scheduler;
  /** How long a segment takes this time, ms. */
  travelMs(): number;
  /** Nothing passes now; `passes` is called when something does again. */
  closed(passes: () => void): boolean;
}

interface Travelling {
  readonly segment: Segment;
  at: number;
}

/** A lost segment is sent again after so long, and twice as long each further time, as TCP does. */
const RETRANSMIT_MS = 200;
const MOST_RETRANSMITS = 4;
/** What a partition held back comes so soon after it has healed, at the latest. */
const CATCH_UP_MS = 1000;

/** One direction of a connection: what is sent arrives in order and whole, late, or never. */
export class Pipe {
  /** Nothing arrives any more, and nobody is told: a half-open connection. */
  silent = false;
  readonly #road: Road;
  readonly #random: Random;
  readonly #dropChance: number;
  readonly #deliver: (segment: Segment) => void;
  #queue: Travelling[] = [];
  #armed = false;

  constructor(road: Road, random: Random, dropChance: number, deliver: (segment: Segment) => void) {
    this.#road = road;
    this.#random = random;
    this.#dropChance = dropChance;
    this.#deliver = deliver;
  }

  /** Bytes may arrive in pieces, cut anywhere. */
  send(segment: Segment): void {
    if (segment.kind === "data" && segment.bytes.length > 1 && this.#random.chance(0.1)) {
      const cut = 1 + this.#random.below(segment.bytes.length - 1);
      this.#push({ kind: "data", bytes: segment.bytes.subarray(0, cut) });
      this.#push({ kind: "data", bytes: segment.bytes.subarray(cut) });
    } else this.#push(segment);
  }

  /** It may overtake what is under way, which is lost then. */
  reset(): void {
    if (this.#random.chance(0.5)) this.#queue = [];
    this.#push({ kind: "reset" });
  }

  #push(segment: Segment): void {
    let travel = this.#road.travelMs();
    for (let n = 0; n < MOST_RETRANSMITS && this.#random.chance(this.#dropChance); n++)
      travel += RETRANSMIT_MS * 2 ** n;
    const last = this.#queue.at(-1)?.at ?? 0;
    this.#queue.push({ segment, at: Math.max(last, this.#road.scheduler.now + travel) });
    this.#arm();
  }

  #arm(): void {
    const first = this.#queue[0];
    if (this.#armed || first === undefined) return;
    this.#armed = true;
    this.#road.scheduler.at(first.at, () => {
      this.#armed = false;
      this.#arrive();
    });
  }

  #arrive(): void {
    if (this.silent) {
      this.#queue = [];
      return;
    }
    const { now } = this.#road.scheduler;
    const first = this.#queue[0];
    if (first === undefined) return;
    if (first.at > now) return this.#arm();
    if (this.#road.closed(() => this.#resume())) return;
    this.#queue.shift();
    this.#deliver(first.segment);
    this.#arm();
  }

  #resume(): void {
    const first = this.#queue[0];
    if (first === undefined) return;
    first.at = this.#road.scheduler.now + this.#random.between(0, CATCH_UP_MS);
    for (const next of this.#queue) next.at = Math.max(next.at, first.at);
    this.#arm();
  }
}
