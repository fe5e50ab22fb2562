import type { Runtime, Timer } from "@skein/core";

/** So many in any WINDOW_MS: ten in a second, and in one and a fifth as well, for what the network holds up and lets go at once. */
const MOST = 5;
const WINDOW_MS = 600;
/** Of them, what may be sent for watches. */
const MOST_WATCHING = 3;
/** Of them, what reads and watches may take while reading fails: a renewal must not wait for the next window, which is longer than its attempt at a short TTL. */
const MOST_READING = 4;
/** So many good answers in a row, and what is asked is known to work. */
const PROVEN = 10;
/** Of what works, so many may be under way beyond MOST. */
const MOST_UNDER_WAY = 4;

/** `lease`: keeps or makes records, goes before all others. `read`: was asked for. `watch`: loops for ever. */
export type Lane = "lease" | "read" | "watch";

interface Waiting {
  go(): void;
}

/**
 * How often one client may ask Consul: ten times a second at the most, whatever fails and however fast it is answered. While what is asked works, only
 * watches are held to it, and the rest goes a few at a time beyond it: 500 registrations take no minute. The first that fails ends that, until some in a row have gone well.
 */
export class RequestBudget {
  readonly #runtime: Pick<Runtime, "clock">;
  readonly #lanes: Readonly<Record<Lane, Waiting[]>> = { lease: [], read: [], watch: [] };
  /** When those of the last WINDOW_MS were sent, monotonic ms. */
  #sent: number[] = [];
  #good = PROVEN;
  #underWay = 0;
  #timer: Timer | undefined;

  constructor(runtime: Pick<Runtime, "clock">) {
    this.#runtime = runtime;
  }

  /** Resolves when it is one's turn: answered() is called later, once. Rejects with the reason when `signal` aborts before. */
  take(lane: Lane, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const queue = this.#lanes[lane];
      const leave = (): void => {
        queue.splice(queue.indexOf(waiting), 1);
        reject(signal?.reason);
      };
      const waiting: Waiting = {
        go() {
          signal?.removeEventListener("abort", leave);
          resolve();
        },
      };
      signal?.addEventListener("abort", leave, { once: true });
      queue.push(waiting);
      this.#serve();
    });
  }

  /** What was let through is over. @param well whether it was answered as it should; undefined: nobody waited for that */
  answered(lane: Lane, well: boolean | undefined): void {
    if (lane === "watch") return;
    this.#underWay--;
    if (well !== undefined) this.#good = well ? this.#good + 1 : 0;
    this.#serve();
  }

  /** What is asked does not work, whatever the answers say. */
  failed(): void {
    this.#good = 0;
  }

  #serve(): void {
    const now = this.#runtime.clock.fresh();
    this.#sent = this.#sent.filter((at) => now - at < WINDOW_MS);
    for (let lane = this.#next(); lane !== undefined; lane = this.#next()) {
      this.#sent.push(now);
      if (lane !== "watch") this.#underWay++;
      this.#lanes[lane].shift()?.go();
    }
    this.#timer?.cancel();
    this.#timer = undefined;
    const oldest = this.#sent[0];
    if (oldest === undefined || !Object.values(this.#lanes).some((queue) => queue.length > 0)) return;
    const inMs = Math.ceil(oldest + WINDOW_MS - now);
    this.#timer = this.#runtime.clock.setTimer(Math.max(1, inMs), () => this.#serve());
  }

  /** Whose turn it is. */
  #next(): Lane | undefined {
    const { lease, read, watch } = this.#lanes;
    const count = this.#sent.length;
    if (lease.length + read.length === 0)
      return watch.length > 0 && count < MOST_WATCHING ? "watch" : undefined;
    const works = this.#good >= PROVEN && this.#underWay < MOST_UNDER_WAY;
    if (lease.length > 0) return count < MOST || works ? "lease" : undefined;
    return count < MOST_READING || works ? "read" : undefined;
  }
}
