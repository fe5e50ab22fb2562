import type { Runtime } from "@skein/core";
import type { NatsMessage } from "../nats-port.ts";
import type { Link } from "./link.ts";
import { encodeSaying, MOST_MESSAGE_BYTES, type Written } from "./registry-message.ts";

/** What a lease has to say, while it holds. */
export interface Speaker {
  readonly tag: string;
  readonly ttlMs: number;
  /** Monotonic ms; what is over is said no more. */
  readonly expiresAt: number;
  readonly records: ReadonlyMap<string, Written>;
}

/** Says who of ours is there: when told to, when asked, and when the server is there again. */
export class Announcer {
  readonly #link: Link;
  readonly #runtime: Runtime;
  readonly #speakers = new Set<Speaker>();
  readonly #heeded = new Map<string, () => void>();
  #headsAll: (() => void) | undefined;

  constructor(link: Link, runtime: Runtime) {
    this.#link = link;
    this.#runtime = runtime;
  }

  add(speaker: Speaker): void {
    this.#speakers.add(speaker);
  }

  /** It says nothing any more. */
  drop(speaker: Speaker): void {
    this.#speakers.delete(speaker);
    this.#heed();
  }

  /** Questions about the services that there are now are answered from now on, others no more. */
  #heed(): void {
    const services = new Set([...this.#speakers].flatMap((speaker) => servicesOf(speaker)));
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
    for (const speaker of this.#speakers) {
      const all = [...speaker.records.values()];
      const there = service === undefined ? all : all.filter((r) => r.instance.service === service);
      this.#publish(reply, speaker, there);
    }
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
  sayGone(speaker: Speaker, records: readonly Written[]): void {
    for (const { instance, written } of records) {
      const gone = [{ service: instance.service, id: instance.id, written }];
      const saying = { lease: speaker.tag, ttlMs: speaker.ttlMs, leftMs: 0, there: [], gone };
      for (const bytes of encodeSaying(saying))
        this.#link.publish(this.#link.subjects.said(instance.service), bytes);
    }
    this.#heed();
  }

  /** There is a server again: nobody there knows us. */
  sayAll(): void {
    for (const speaker of this.#speakers) this.say(speaker, speaker.records.values());
  }

  #publish(subject: string, speaker: Speaker, there: readonly Written[]): void {
    const leftMs = speaker.expiresAt - this.#runtime.clock.fresh();
    if (leftMs <= 0 || there.length === 0) return;
    const { tag: lease, ttlMs } = speaker;
    const most = Math.min(MOST_MESSAGE_BYTES, this.#link.maxPayload || MOST_MESSAGE_BYTES);
    for (const bytes of encodeSaying({ lease, ttlMs, leftMs, there, gone: [] }, most))
      this.#link.publish(subject, bytes);
  }
}

function servicesOf(speaker: Speaker): string[] {
  return [...new Set([...speaker.records.values()].map(({ instance }) => instance.service))];
}
