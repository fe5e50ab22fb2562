import { RpcError } from "skein";
import type { CallRecord, Receipt } from "../ledger/records.ts";
import type { Stage } from "./stage.ts";
import { type Span, type Starved, starvedBetween, starvedIn, turnNow } from "./starved.ts";
import { wallClock } from "./wall-clock.ts";

/** A call to be made. */
export interface Planned {
  readonly method: string;
  readonly idempotent: boolean;
  readonly timeoutMs: number;
  send(id: string): Promise<unknown>;
}

type LoadStage = Pick<Stage, "atEnd" | "stoodStill">;

/** How often calls that are due are sent, ms. */
const TURN_MS = 2;

/** Makes the call, and tells what became of it. */
async function recorded(id: string, planned: Planned, intendedAt: number): Promise<CallRecord> {
  const { method, idempotent, timeoutMs } = planned;
  const sentAt = wallClock();
  const known = { id, method, idempotent, timeoutMs, intendedAt, sentAt };
  try {
    const answer = await planned.send(id);
    return { ...known, endedAt: wallClock(), answer };
  } catch (error) {
    const { code, message, executed } = RpcError.from(error);
    return { ...known, endedAt: wallClock(), error: { code, message, executed } };
  }
}

/**
 * Makes calls at a rate, whether those before have been answered or not (open loop): a server that stands still is asked as often as before,
 * and latencies count from when a call should have been sent.
 */
export class OpenLoad {
  readonly records: CallRecord[] = [];
  readonly #plan: (n: number) => Planned;
  readonly #prefix: string;
  readonly #stage: LoadStage;
  readonly #everyMs: number;
  readonly #began = wallClock();
  readonly #pending = new Set<Promise<void>>();
  readonly #watchers = new Set<() => void>();
  readonly #starved: Starved[] = [];
  #turn = turnNow();
  #stopped = false;
  #sent = 0;
  #timer: NodeJS.Timeout;

  /**
   * Begins at once, and ends with the stage.
   * @param plan of the n-th call
   */
  constructor(stage: LoadStage, ratePerSecond: number, plan: (n: number) => Planned, prefix = "c") {
    this.#everyMs = 1000 / ratePerSecond;
    this.#plan = plan;
    this.#stage = stage;
    this.#prefix = prefix;
    this.#timer = setInterval(() => this.#send(), TURN_MS);
    stage.atEnd(async () => clearInterval(this.#timer));
  }

  get sent(): number {
    return this.#sent;
  }

  #send(): void {
    this.#look();
    const now = this.#turn.at;
    while (!this.#stopped) {
      const intendedAt = this.#began + this.#sent * this.#everyMs;
      if (intendedAt > now) return;
      const made = this.#keep(`${this.#prefix}${this.#sent}`, this.#plan(this.#sent), intendedAt);
      this.#sent++;
      this.#pending.add(made);
      void made.then(() => this.#pending.delete(made));
    }
  }

  #look(): void {
    const last = this.#turn;
    this.#turn = turnNow();
    const starved = starvedIn(last, this.#turn, TURN_MS);
    if (starved !== undefined) this.#starved.push(starved);
  }

  async #keep(id: string, planned: Planned, intendedAt: number): Promise<void> {
    this.records.push(await recorded(id, planned, intendedAt));
    for (const look of [...this.#watchers]) look();
  }

  /** Resolves once so many more calls have ended. */
  async more(count: number): Promise<void> {
    const until = this.records.length + count;
    await this.when(() => this.records.length >= until);
  }

  /** Resolves with the first call from now on that is answered by that process, and of which `is` holds. */
  async answeredBy(pid: number, is: (call: CallRecord) => boolean = () => true): Promise<CallRecord> {
    let seen = this.records.length;
    let found: CallRecord | undefined;
    await this.when(() => {
      while (found === undefined && seen < this.records.length) {
        const record = this.records[seen++] as CallRecord;
        const { by } = (record.answer ?? {}) as Partial<Receipt>;
        if (by?.startsWith(`${pid}:`) === true && is(record)) found = record;
      }
      return found !== undefined;
    });
    return found as unknown as CallRecord;
  }

  /** Asked whenever a call has ended. */
  async when(is: () => boolean): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (!is()) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }

  #excused(record: CallRecord, still: readonly Span[]): CallRecord {
    const due = record.sentAt + record.timeoutMs;
    if (record.endedAt <= due) return record;
    return { ...record, starvedMs: starvedBetween(this.#starved, still, due, record.endedAt) };
  }

  /** Sends no more, and waits for those that are on their way. */
  async stop(): Promise<readonly CallRecord[]> {
    this.#stopped = true;
    await Promise.all(this.#pending);
    this.#look();
    clearInterval(this.#timer);
    const still = this.#stage.stoodStill();
    return this.records.map((record) => this.#excused(record, still));
  }
}
