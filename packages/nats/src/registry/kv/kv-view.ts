import type { Instance } from "@skein/core";
import type { Presence } from "../presence.ts";
import type { Delivered } from "./delivered.ts";
import type { KvKeys } from "./kv-keys.ts";
import { decodeRecord, type KvRecord } from "./kv-record.ts";

/** A key has one record, whoever put it: to the presence it is one lease's. */
const ANYBODY = "kv";

interface Known extends KvRecord {
  readonly sequence: number;
  readonly timeMs: number;
  readonly bytes: Uint8Array;
}

export interface KvViewOptions {
  readonly keys: KvKeys;
  readonly presence: Presence;
  /** A record that is none. */
  skip(key: string, why: string): void;
  /** A record holds for so long, ms. */
  heard(leftMs: number): void;
}

/**
 * Takes what a bucket says to a presence. A record holds for its TTL since its put was seen; one that was there before for what is left of it by the server's
 * clock. Of what is missing nothing is said: a server that was wiped takes nobody away. Pure: times are given.
 */
export class KvView {
  readonly #o: KvViewOptions;
  #known = new Map<string, Known>();
  /** In the present look. */
  #seen = new Set<string>();
  /** Counts what came: numbers of the stream begin anew where it was wiped. */
  #arrivals = 0;

  constructor(options: KvViewOptions) {
    this.#o = options;
  }

  /** All will be said again. */
  begin(): void {
    this.#seen = new Set();
  }

  /** All was said: what else there was is remembered no more. */
  complete(): void {
    for (const [subject, { instance }] of this.#known)
      if (!this.#seen.has(subject) && this.#instance(instance.service, instance.id) === undefined)
        this.#known.delete(subject);
  }

  #instance(service: string, id: string): Instance | undefined {
    return this.#o.presence.instance(service, id);
  }

  /** @param serverMs at least so late it is by the server's clock */
  take(message: Delivered, serverMs: number, now: number): void {
    const { subject, sequence, timeMs, bytes } = message;
    const { keys, presence, skip, heard } = this.#o;
    this.#seen.add(subject);
    // The server's idea of an age is not ours: a time that it was frozen or down counts for it.
    if (message.aged) return;
    const key = keys.read(subject);
    if (key === undefined) return message.gone ? undefined : skip(subject, "no key of an instance");
    if (message.gone) {
      this.#known.delete(subject);
      presence.goodbye({ ...key, written: ++this.#arrivals }, ANYBODY, now);
      return;
    }
    const known = this.#known.get(subject);
    if (known?.sequence === sequence && known.timeMs === timeMs) return;
    const record = this.#read(key, bytes, known);
    if (record === undefined) return skip(subject, "no record of an instance");
    this.#known.set(subject, { ...record, sequence, timeMs, bytes });
    const { ttlMs, instance } = record;
    const leftMs = ttlMs - Math.max(0, serverMs - timeMs);
    if (leftMs <= 0) return;
    presence.add({ instance, written: ++this.#arrivals }, { lease: ANYBODY, ttlMs, leftMs, now });
    heard(leftMs);
  }

  #read(
    key: { readonly service: string; readonly id: string },
    bytes: Uint8Array,
    known: Known | undefined,
  ): KvRecord | undefined {
    const before = this.#instance(key.service, key.id);
    if (known !== undefined && before === known.instance && Buffer.compare(bytes, known.bytes) === 0)
      return known;
    const record = decodeRecord(bytes, before);
    const right = record?.instance.service === key.service && record.instance.id === key.id;
    return right ? record : undefined;
  }
}
