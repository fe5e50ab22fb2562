import { type Instance, type Logger, RpcError, type Runtime, type Snapshot, type Timer } from "@skein/core";
import {
  backoffMs,
  Malformed,
  pause,
  settled,
  unfitWarning,
  type WatchTeller,
} from "@skein/registry/backend";
import { Cache } from "./cache.ts";
import { Hearing } from "./hearing.ts";
import type { Medium } from "./medium.ts";
import { Outbox } from "./outbox.ts";
import type { Announcement, Layout } from "./records/layout.ts";
import { type RecordSet, Responder } from "./responder.ts";
import { ServiceWatch } from "./service-watch.ts";
import { SETTLE } from "./settle.ts";
import { type Message, type Question, queriesOf } from "./wire.ts";

/** Answers of several wait a little, so that they do not all come at once, ms (RFC 6762, 6). */
const ANSWER_MS = 20;
const ANSWER_SPREAD_MS = 60;
/** And are said again: who asks often because it is new misses the less. */
const ANSWER_AGAIN_MS = 220;
/** What is announced is said again, for whom it did not reach, ms later. */
const ANNOUNCE_AGAIN_MS = [250, 1000] as const;
const RENEW_AGAIN_MS = 250;
const GOODBYE_AGAIN_MS = [60, 200] as const;
/** Who asks once asks so often, ms after another: see settled(). */
const ASK_AGAIN_MS = [100, 120] as const;
/** Looking more often is of no use, ms. */
const LEAST_SLEEP_MS = 10;
/** More at once are asked by service. */
const MOST_BY_NAME = 50;

/** Of an instance that we announce. */
export interface OwnId {
  readonly service: string;
  readonly id: string;
}

export interface MdnsNodeOptions {
  readonly name: string;
  readonly layouts: readonly Layout[];
  readonly medium: Medium;
  readonly runtime: Runtime;
  readonly logger: Logger;
}

/** One that speaks mDNS: what it announces, what it heard, and whom it looks after. */
export class MdnsNode {
  readonly cache: Cache;
  readonly #o: MdnsNodeOptions;
  readonly #responder: Responder;
  readonly #outbox: Outbox;
  readonly #hearing = new Hearing();
  readonly #malformed: Malformed;
  readonly #watches = new Map<string, ServiceWatch>();
  readonly #queryId: number;
  readonly #closed = new AbortController();
  /** Those that are still to be said again. */
  readonly #goodbyes = new Set<Promise<void>>();
  readonly #warn: (instance: Instance) => void;
  #heardAt = Number.NEGATIVE_INFINITY;
  #newsAt = Number.NEGATIVE_INFINITY;
  #deaf = false;
  #tick: { readonly at: number; readonly timer: Timer } | undefined;

  constructor(options: MdnsNodeOptions) {
    const { runtime, layouts, medium, logger } = options;
    this.#o = options;
    this.#malformed = new Malformed(logger);
    this.#warn = unfitWarning(layouts, logger);
    this.#queryId = 1 + Math.floor(runtime.random() * 65_535);
    this.cache = new Cache(layouts, (service) => {
      this.#newsAt = this.#monotonic;
      this.#watches.get(service)?.changed();
    });
    this.#responder = new Responder(layouts);
    this.#outbox = new Outbox(
      runtime,
      (key, now) => this.#responder.set(key, now),
      (message) => medium.send(message),
    );
    medium.onMessage = (message) => this.#take(message);
    medium.onNewWay = () => this.#newWay();
  }

  get #monotonic(): number {
    return this.#o.runtime.clock.monotonic();
  }

  /** How many names mean nothing, now. */
  get malformed(): number {
    this.#malformed.seen(this.cache.malformed);
    return this.#malformed.count;
  }

  #take(message: Message): void {
    const now = this.#monotonic;
    this.#heardAt = now;
    if (this.#hearing.heard() && this.#deaf) this.#hearAgain(now);
    if (message.type === "query") {
      for (const question of message.questions) {
        const delay = ANSWER_MS + ANSWER_SPREAD_MS * this.#o.runtime.random();
        const keys = this.#responder.answer(question);
        this.#outbox.later(keys, delay);
        this.#outbox.later(keys, delay + ANSWER_AGAIN_MS);
      }
      return;
    }
    this.cache.take(message.records, now);
    this.#wakeAt(now);
  }

  #newWay(): void {
    for (const watch of this.#watches.values()) watch.start();
    this.#outbox.later(this.#responder.allKeys, 0);
  }

  // What it announces.

  /** Its records, by layout; undefined in one that cannot hold it. */
  setsOf(announcement: Announcement): readonly (RecordSet | undefined)[] {
    return this.#o.layouts.map((layout) => layout.records(announcement));
  }

  /** Resolves once it is said; those who did not hear it are told again. */
  async announce(
    announcement: Announcement,
    sets: readonly (RecordSet | undefined)[],
    expiresAt: () => number,
  ): Promise<void> {
    const { service, id } = announcement.instance;
    this.#responder.put(announcement, sets, expiresAt);
    this.#warn(announcement.instance);
    await this.#say([{ service, id }]);
    const keys = this.#responder.keysOf(service, id);
    for (const delay of ANNOUNCE_AGAIN_MS) this.#outbox.later(keys, delay);
  }

  /** Renews those. */
  async sayAgain(ids: readonly OwnId[]): Promise<void> {
    await this.#say(ids);
    const keys = ids.flatMap(({ service, id }) => this.#responder.keysOf(service, id));
    this.#outbox.later(keys, RENEW_AGAIN_MS);
  }

  async #say(ids: readonly OwnId[]): Promise<void> {
    const keys = ids.flatMap(({ service, id }) => this.#responder.keysOf(service, id));
    const now = this.#monotonic;
    // Whoever watches here need not hear it.
    for (const key of keys) this.cache.take(this.#responder.set(key, now), now);
    this.#wakeAt(now);
    await this.#outbox.soon(keys);
  }

  /** Forgets them; says that they are gone, thrice, but for those that another lease has announced since. Resolves once it is said. */
  async goodbye(ids: readonly OwnId[], lease: string): Promise<void> {
    const gone = ids.map((id) => {
      this.#outbox.forget(this.#responder.keysOf(id.service, id.id));
      return { ...id, sets: this.#responder.remove(id.service, id.id, lease) };
    });
    const now = this.#monotonic;
    for (const { sets } of gone) for (const set of sets) this.cache.take(set, now);
    if (gone.every(({ sets }) => sets.length === 0)) return;
    const again = this.#sayGoneAgain(gone).finally(() => this.#goodbyes.delete(again));
    this.#goodbyes.add(again);
    await this.#outbox.say(gone.flatMap(({ sets }) => sets));
  }

  async #sayGoneAgain(gone: readonly (OwnId & { readonly sets: readonly RecordSet[] })[]): Promise<void> {
    for (const delay of GOODBYE_AGAIN_MS) {
      await pause(this.#o.runtime, delay, this.#closed.signal);
      const still = gone.filter(({ service, id }) => !this.#responder.has(service, id));
      await this.#outbox.say(still.flatMap(({ sets }) => sets)).catch(() => {});
    }
  }

  // Whom it looks after.

  watch(service: string, tell: WatchTeller): () => void {
    const watch = new ServiceWatch({
      runtime: this.#o.runtime,
      tell,
      ask: () => this.#ask(this.#questionsOf([service])),
      snapshot: () => this.snapshot(service),
    });
    const abort = new AbortController();
    this.#watches.set(service, watch);
    void this.#opened(tell, abort.signal).then(() => {
      if (!abort.signal.aborted) watch.start();
    });
    return () => {
      abort.abort();
      watch.stop();
      if (this.#watches.get(service) === watch) this.#watches.delete(service);
    };
  }

  /** Tries for ever. */
  async #opened(tell: WatchTeller, signal: AbortSignal): Promise<void> {
    const { medium, runtime } = this.#o;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        return await medium.open();
      } catch (error) {
        if (!signal.aborted) tell.failed(error);
        await pause(runtime, backoffMs(failures, runtime.random), signal);
      }
    }
  }

  snapshot(service: string): Snapshot {
    return { instances: this.cache.instances(service), revision: this.cache.revision };
  }

  /** Asks now, and waits for answers. Rejects with UNAVAILABLE when nothing is heard, not even ourselves. */
  async look(questions: readonly Question[]): Promise<void> {
    await this.#o.medium.open();
    const from = this.#monotonic;
    const { signal } = this.#closed;
    const done = new AbortController();
    const asking = this.#askOften(questions, done.signal);
    await settled(this.#o.runtime, SETTLE, () => this.#newsAt, signal);
    done.abort();
    await asking;
    if (signal.aborted) throw new Error(`the registry ${this.#o.name} is closed`);
    this.#sweep();
    if (this.#heardAt < from) throw this.#deafness();
  }

  async #askOften(questions: readonly Question[], signal: AbortSignal): Promise<void> {
    this.#ask(questions);
    for (const delay of ASK_AGAIN_MS) {
      await pause(this.#o.runtime, delay, signal);
      if (!signal.aborted) this.#ask(questions);
    }
  }

  #ask(questions: readonly Question[]): void {
    const now = this.#monotonic;
    for (const message of queriesOf(this.#queryId, questions)) {
      this.#hearing.asked(now);
      this.#o.medium.send(message).catch((error: unknown) => this.#hearing.failed(error));
    }
    this.#wakeAt(this.#hearing.askAt(now));
  }

  #deafness(): RpcError {
    const cause = this.#hearing.cause;
    const because = cause instanceof Error ? cause.message : "not even our own questions come back";
    return new RpcError("UNAVAILABLE", `${this.#o.name}: the network is silent: ${because}`, { cause });
  }

  #hearAgain(now: number): void {
    this.#deaf = false;
    this.cache.forgive(now);
    for (const watch of this.#watches.values()) watch.start();
    this.#wakeAt(now);
  }

  // What time brings.

  #wakeAt(at: number): void {
    if (at === Number.POSITIVE_INFINITY || this.#closed.signal.aborted) return;
    if (this.#tick !== undefined && this.#tick.at <= at) return;
    this.#tick?.timer.cancel();
    const timer = this.#o.runtime.clock.setTimer(Math.max(LEAST_SLEEP_MS, at - this.#monotonic), () => {
      this.#tick = undefined;
      this.#sweep();
    });
    this.#tick = { at, timer };
  }

  #sweep(): void {
    const now = this.#monotonic;
    const state = this.#hearing.state(now);
    if (state === "deaf" && !this.#deaf) {
      this.#deaf = true;
      for (const watch of this.#watches.values()) watch.failed(this.#deafness());
    }
    const frozen = state !== "hears";
    const watched = (service: string): boolean => this.#watches.has(service);
    const { ask, nextAt } = this.cache.sweep(now, { watched, frozen });
    this.#malformed.seen(this.cache.malformed);
    const services = [...this.#watches.keys()];
    const doubt = services.length > 0 && this.#hearing.askAt(now) <= now;
    let questions = distinct(ask);
    if (questions.length > MOST_BY_NAME) questions = this.#questionsOf(services);
    if (questions.length === 0 && doubt) questions = this.#questionsOf(services.slice(0, 1));
    if (questions.length > 0) this.#ask(questions);
    this.#wakeAt(nextAt);
    if (services.length > 0) this.#wakeAt(this.#hearing.askAt(now));
  }

  #questionsOf(services: readonly string[]): Question[] {
    return services.flatMap((service) => this.#o.layouts.map((l) => l.serviceQuestion(service)));
  }

  /** What was said is said: the last goodbyes are waited for. */
  async close(): Promise<void> {
    await Promise.all(this.#goodbyes);
    this.#closed.abort();
    for (const watch of this.#watches.values()) watch.stop();
    this.#watches.clear();
    this.#tick?.timer.cancel();
    this.#outbox.close();
    await this.#o.medium.close();
  }
}

function distinct(questions: readonly Question[]): Question[] {
  return [...new Map(questions.map((q) => [`${q.type} ${q.name}`, q])).values()];
}
