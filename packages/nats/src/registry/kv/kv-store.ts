import { RpcError } from "@skein/core";
import { isRefusal } from "../../jetstream/errors.ts";
import type { JetStream } from "../../jetstream/jetstream.ts";
import type { Link } from "../link.ts";
import { type Bucket, openBucket } from "./kv-bucket.ts";
import type { KvKeys } from "./kv-keys.ts";
import { decodeRecord, encodeRecord, type KvRecord } from "./kv-record.ts";
import { lastMessage } from "./last-message.ts";

/** Of a message around a record, bytes. */
const ENVELOPE_BYTES = 512;
/** A key that nobody renews is dropped by the server (from 2.11 on) after three TTLs and so long: readers know before, and a server that was frozen or down must not take what is still there, ms. */
const DROP_MS = 60_000;
/** The mark of one that is removed is dropped after so long: whoever was cut off reads it until then, ms. */
const MARK_MS = 300_000;
/** How often somebody may come between what we read and what we write. */
const MOST_TRIES = 4;
const NOTHING = new Uint8Array();
const EXPECTED = "Nats-Expected-Last-Subject-Sequence";

/** What a key has turned out to be. */
export type Outcome =
  | { readonly is: "ours"; readonly sequence: number }
  | { readonly is: "others" }
  | { readonly is: "gone" };

/** Puts and removes keys, each for one lease that it belongs to. Rejects with UNAVAILABLE, and as openBucket() does. */
export class KvStore {
  readonly keys: KvKeys;
  readonly #js: JetStream;
  readonly #link: Link;
  #opened: Promise<Bucket> | undefined;

  constructor(js: JetStream, link: Link, keys: KvKeys) {
    this.#js = js;
    this.#link = link;
    this.keys = keys;
  }

  /** Resolves once there is a bucket. */
  async ready(signal?: AbortSignal): Promise<Bucket> {
    await this.#link.ready(signal);
    const opened = this.#opened ?? openBucket(this.#js, this.#link, this.keys);
    this.#opened = opened;
    opened.catch(() => {
      if (this.#opened === opened) this.#opened = undefined;
    });
    return opened;
  }

  /** What is known of the bucket is old. */
  forget(): void {
    this.#opened = undefined;
  }

  /** Whoever put it before. Resolves with its sequence. */
  async put(subject: string, record: KvRecord): Promise<number> {
    const bytes = this.#bytesOf(record);
    try {
      return await this.#publish(subject, bytes, this.#dropMs(record));
    } catch (error) {
      if (!isRefusal(error, "nobody")) throw this.#failed(error);
    }
    // The bucket was deleted behind our back.
    this.forget();
    return this.#publish(subject, bytes, this.#dropMs(record)).catch((error: unknown) => {
      throw this.#failed(error);
    });
  }

  /** Puts what is there already once more, if it is there and still its lease's. */
  async replace(subject: string, record: KvRecord, sequence: number | undefined): Promise<Outcome> {
    const bytes = this.#bytesOf(record);
    return this.#change(subject, record.lease, sequence, (known) =>
      this.#publish(subject, bytes, this.#dropMs(record), [[EXPECTED, String(known)]]),
    );
  }

  /** Removes it if it is its lease's. */
  async remove(subject: string, lease: string, sequence: number | undefined): Promise<void> {
    await this.#link.ready();
    await this.#change(subject, lease, sequence, (known) =>
      this.#publish(subject, NOTHING, MARK_MS, [
        [EXPECTED, String(known)],
        ["KV-Operation", "DEL"],
      ]),
    );
  }

  /** Reads who is there where our sequence is not the last. */
  async #change(
    subject: string,
    lease: string,
    sequence: number | undefined,
    write: (sequence: number) => Promise<number>,
  ): Promise<Outcome> {
    let known = sequence;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      try {
        if (known !== undefined) return { is: "ours", sequence: await write(known) };
        const last = await lastMessage(this.#js, this.keys.stream, subject);
        if (last === undefined || last.gone) return { is: "gone" };
        if (decodeRecord(last.bytes)?.lease !== lease) return { is: "others" };
        known = last.sequence;
      } catch (error) {
        if (isRefusal(error, "nobody") || isRefusal(error, "noStream")) {
          this.forget();
          return { is: "gone" };
        }
        if (!isRefusal(error, "notLast")) throw this.#failed(error);
        known = undefined;
      }
    }
    throw this.#link.unavailable(new Error(`${subject} changes all the time`));
  }

  async #publish(
    subject: string,
    bytes: Uint8Array,
    dropMs: number,
    headers: readonly (readonly [string, string])[] = [],
  ): Promise<number> {
    const { drops } = await this.ready();
    const ttl = [["Nats-TTL", `${Math.ceil(dropMs / 1000)}s`]] as const;
    return this.#js.publish(subject, bytes, drops ? [...headers, ...ttl] : headers);
  }

  #dropMs({ ttlMs }: KvRecord): number {
    return 3 * ttlMs + DROP_MS;
  }

  #failed(error: unknown): RpcError {
    return error instanceof RpcError ? error : this.#link.unavailable(error);
  }

  #bytesOf(record: KvRecord): Uint8Array {
    const bytes = encodeRecord(record);
    const most = this.#link.maxPayload;
    const { length } = bytes;
    if (most > 0 && length + ENVELOPE_BYTES > most)
      throw new RpcError(
        "INVALID_ARGUMENT",
        `the instance ${record.instance.id} is ${length} bytes long as a record, and the server's max_payload is ${most}: give it less metadata`,
        { executed: "no" },
      );
    return bytes;
  }
}
