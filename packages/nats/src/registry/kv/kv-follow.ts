import { RpcError, type Runtime } from "@skein/core";
import type { JetStream } from "../../jetstream/jetstream.ts";
import type { Link } from "../link.ts";
import type { Presence } from "../presence.ts";
import type { Skipped } from "../skipped.ts";
import { openBucket } from "./kv-bucket.ts";
import { KvConsumer } from "./kv-consumer.ts";
import type { KvKeys } from "./kv-keys.ts";
import { KvView } from "./kv-view.ts";

export interface KvFollowOptions {
  readonly js: JetStream;
  readonly link: Link;
  readonly keys: KvKeys;
  readonly runtime: Runtime;
  readonly presence: Presence;
  readonly skipped: Skipped;
  /** Undefined: all services. */
  readonly service: string | undefined;
  /** A record holds for so long, ms. */
  heard(leftMs: number): void;
  /** Nothing more is heard until load() is called again. */
  deaf(): void;
}

/** Hears of the records of one service, or of all, and takes them to a presence. */
export class KvFollow {
  readonly #o: KvFollowOptions;
  readonly #place: string;
  readonly #view: KvView;
  #consumer: KvConsumer | undefined;
  #loading: Promise<void> | undefined;
  #skips = new Map<string, string>();
  #ended = false;

  constructor(options: KvFollowOptions) {
    this.#o = options;
    const { keys, presence, heard, service, skipped } = options;
    this.#place = service ?? "*";
    this.#view = new KvView({
      keys,
      presence,
      heard,
      skip: (key, why) => {
        this.#skips.set(key, why);
        if (this.#loading === undefined) skipped.add(this.#place, new Map([[key, why]]));
      },
    });
  }

  /** Reads all there is, and hears what comes from then on. Whoever asks meanwhile waits for the same. Rejects when it cannot be had. */
  load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<void> {
    const { js, link, keys, runtime, service, skipped } = this.#o;
    this.#consumer?.end();
    const { nowMs } = await openBucket(js, link, keys);
    if (this.#ended) throw new Error("ended");
    let latest = nowMs;
    this.#skips = new Map();
    this.#view.begin();
    const consumer: KvConsumer = new KvConsumer({
      js,
      link,
      runtime,
      stream: keys.stream,
      filter: keys.followed(service),
      take: (message) => {
        latest = Math.max(latest, message.timeMs);
        this.#view.take(message, latest, runtime.clock.fresh());
      },
      deaf: () => this.#o.deaf(),
    });
    this.#consumer = consumer;
    try {
      await consumer.start();
    } catch (error) {
      consumer.end();
      throw error instanceof RpcError ? error : link.unavailable(error);
    }
    this.#view.complete();
    skipped.begin(this.#place);
    skipped.add(this.#place, this.#skips);
    skipped.seen();
  }

  /** Of a connection that is gone. */
  stop(): void {
    this.#consumer?.end();
  }

  end(): void {
    this.#ended = true;
    this.stop();
    const { skipped, presence, service } = this.#o;
    skipped.end(this.#place);
    if (service !== undefined) presence.forget(service);
  }
}
