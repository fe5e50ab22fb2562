import type { Logger, Runtime } from "@skein/core";
import type { NatsMessage } from "../nats-port.ts";
import type { Link } from "./link.ts";
import { encodeSaying, MOST_MESSAGE_BYTES, messageBytes, type Written } from "./registry-message.ts";

/** Whoever was not connected when a goodbye was said asks soon: he is told of it for so long, ms. */
const RECENT_MS = 2000;

/** What a lease has to say, while it holds. */
export interface Speaker {
  readonly tag: string;
  readonly ttlMs: number;
  /** Monotonic ms; what is over is said no more. */
  readonly expiresAt: number;
  readonly records: ReadonlyMap<string, Written>;
  /** Gone, and the server has not confirmed that it was told. */
  readonly leaving: ReadonlySet<Written>;
}

/** Says who of ours is there: when told to, when asked, and when the server is there again. */
export class Announcer {
  readonly #link: Link;
  readonly #runtime: Runtime;
  readonly #logger: Logger;
  /** Too long for a server: said in the log once. */
  readonly #tooLong = new WeakSet<Written>();
  readonly #speakers = new Set<Speaker>();
  /** Goodbyes that were said lately: whose, and until when they are said to those who ask, monotonic ms. */
  readonly #recent = new Map<Written, { readonly speaker: Speaker; readonly until: number }>();
  readonly #heeded = new Map<string, () => void>();
  #headsAll: (() => void) | undefined;

  constructor(link: Link, runtime: Runtime, logger: Logger) {
    this.#link = link;
    this.#runtime = runtime;
    this.#logger = logger;
  }

  add(speaker: Speaker): void {
    this.#speakers.add(speaker);
  }

  /** It says nothing any more. */
  drop(speaker: Speaker): void {
    this.#speakers.delete(speaker);
    this.#heed();
  }

  /** Questions about the services that there are now, or were lately, are answered from now on, others no more. */
  #heed(): void {
    const now = this.#runtime.clock.fresh();
    for (const [record, { until }] of this.#recent) if (until <= now) this.#recent.delete(record);
    const records = [...this.#speakers].flatMap((speaker) => [...speaker.records.values()]);
    const services = new Set([...records, ...this.#recent.keys()].map(({ instance }) => instance.service));
    for (const [service, stop] of this.#heeded)
      if (!services.has(service)) {
        this.#heeded.delete(service);
        stop();
      }
    for (const service of services) {
      if (this.#heeded.has(service)) continue;
      const subject = this.#link.subjects.asked(service);
      this.#heeded.set(
        service,
        this.#link.subscribe(subject, (message) => this.#answer(message, service)),
      );
    }
    if (services.size > 0)
      this.#headsAll ??= this.#link.subscribe(this.#link.subjects.askedAll, (m) => this.#answer(m));
    else {
      this.#headsAll?.();
      this.#headsAll = undefined;
    }
  }

  #answer({ reply }: NatsMessage, service?: string): void {
    if (!this.#link.subjects.isAnswer(reply)) return;
    const asked = ({ instance }: Written): boolean => service === undefined || instance.service === service;
    for (const speaker of this.#speakers)
      this.#publish(reply, speaker, [...speaker.records.values()].filter(asked));
    this.#heed();
    for (const [record, { speaker }] of this.#recent)
      if (asked(record)) this.#publishGone(reply, speaker, record);
  }

  /** Says that these are there, to those who follow their services. */
  say(speaker: Speaker, records: Iterable<Written>): void {
    this.#heed();
    const byService = new Map<string, Written[]>();
    for (const record of records) {
      const { service } = record.instance;
      const known = byService.get(service);
      if (known === undefined) byService.set(service, [record]);
      else known.push(record);
    }
    for (const [service, there] of byService)
      this.#publish(this.#link.subjects.said(service), speaker, there);
  }

  /** Says goodbye for these. */
  sayGone(speaker: Speaker, records: Iterable<Written>): void {
    const until = this.#runtime.clock.fresh() + RECENT_MS;
    for (const record of records) {
      this.#recent.set(record, { speaker, until });
      this.#publishGone(this.#link.subjects.said(record.instance.service), speaker, record);
    }
    this.#heed();
  }

  #publishGone(subject: string, { tag: lease, ttlMs }: Speaker, { instance, written }: Written): void {
    const gone = [{ service: instance.service, id: instance.id, written }];
    for (const bytes of encodeSaying({ lease, ttlMs, leftMs: 0, there: [], gone }))
      this.#link.publish(subject, bytes);
  }

  /** There is a server again: nobody there knows us. */
  sayAll(): void {
    for (const speaker of this.#speakers) {
      this.say(speaker, speaker.records.values());
      this.sayGone(speaker, speaker.leaving);
    }
  }

  #publish(subject: string, speaker: Speaker, records: readonly Written[]): void {
    const there = records.filter((record) => this.#fits(record));
    const leftMs = speaker.expiresAt - this.#runtime.clock.fresh();
    if (leftMs <= 0 || there.length === 0) return;
    const { tag: lease, ttlMs } = speaker;
    const most = Math.min(MOST_MESSAGE_BYTES, this.#link.maxPayload || MOST_MESSAGE_BYTES);
    for (const bytes of encodeSaying({ lease, ttlMs, leftMs, there, gone: [] }, most))
      this.#link.publish(subject, bytes);
  }

  /** The server connected to may take less than the one that the record was put at. */
  #fits(record: Written): boolean {
    const { maxPayload, name: registry } = this.#link;
    const { service, id: instance } = record.instance;
    const bytes = messageBytes(record.instance);
    if (maxPayload === 0 || bytes <= maxPayload) return true;
    if (!this.#tooLong.has(record))
      this.#logger.error(
        { registry, service, instance, bytes, maxPayload },
        "an instance's record is longer than the server's max_payload: it is not announced there; give it less metadata",
      );
    this.#tooLong.add(record);
    return false;
  }
}
