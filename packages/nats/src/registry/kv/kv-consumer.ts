import type { Runtime, Timer } from "@skein/core";
import { isObject } from "@skein/registry/backend";
import type { JetStream } from "../../jetstream/jetstream.ts";
import { nanos } from "../../jetstream/nanos.ts";
import type { NatsMessage } from "../../nats-port.ts";
import type { Link } from "../link.ts";
import { type Delivered, readDelivered } from "./delivered.ts";

/** The server says so often that it has nothing, ms. */
const HEARTBEAT_MS = 5000;
/** One that says nothing for so long is gone, ms. */
const DEAF_MS = 12_000;
/** Without anything new while more must come, ms. */
const STALLED_MS = 2000;
/** The server drops a consumer that nobody hears after so long, ms. */
const UNHEARD_MS = 30_000;
/** Where the server asks to be told that we keep up. */
const FLOW = /^\$JS\.FC\.[A-Za-z0-9_.$-]{1,250}$/;

export interface KvConsumerOptions {
  readonly js: Pick<JetStream, "makeConsumer" | "deleteConsumer">;
  readonly link: Pick<Link, "connected" | "delivery" | "publish" | "unavailable">;
  readonly runtime: Runtime;
  readonly stream: string;
  /** Subjects to hear of. */
  readonly filter: string;
  take(message: Delivered): void;
  /** It hears no more, at most once; not told after end(). */
  deaf(error: Error): void;
}

/** Hears the newest of each subject, and all that comes after; in order and without gaps, or it says that it is deaf. Takes nothing up again: begin another. */
export class KvConsumer {
  readonly #o: KvConsumerOptions;
  #delivery: { readonly subject: string; end(): void } | undefined;
  #name: string | undefined;
  #count = 0;
  /** Of those that were there at the beginning; undefined until the server has said it. */
  #first: number | undefined;
  /** Nothing more waits: of those at the beginning, some were replaced since. */
  #drained = false;
  #caughtUp = false;
  #heardAt = 0;
  #watchdog: Timer | undefined;
  #ended = false;
  #settle: { resolve(): void; reject(error: Error): void } | undefined;

  constructor(options: KvConsumerOptions) {
    this.#o = options;
  }

  /** Resolves when all that was there at the beginning was taken. Rejects when it cannot be had. Once. */
  async start(): Promise<void> {
    const { js, link, stream, filter, runtime } = this.#o;
    const over = new Promise<void>((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    over.catch(() => {});
    this.#delivery = link.delivery((message) => this.#hear(message));
    this.#heardAt = runtime.clock.fresh();
    const answer = await js.makeConsumer(stream, {
      deliver_subject: this.#delivery.subject,
      deliver_policy: "last_per_subject",
      filter_subject: filter,
      ack_policy: "none",
      max_deliver: 1,
      replay_policy: "instant",
      flow_control: true,
      idle_heartbeat: nanos(HEARTBEAT_MS),
      inactive_threshold: nanos(UNHEARD_MS),
      mem_storage: true,
      num_replicas: 1,
    });
    const { name, num_pending, delivered } = answer;
    const { consumer_seq = 0 } = isObject(delivered) ? delivered : {};
    this.#name = String(name);
    this.#first = Number(num_pending) + Number(consumer_seq);
    if (this.#ended) this.#delete();
    else {
      this.#look();
      this.#watch();
    }
    return over;
  }

  #look(): void {
    if (this.#caughtUp || this.#first === undefined) return;
    if (this.#count < this.#first && !this.#drained) return;
    this.#caughtUp = true;
    this.#settle?.resolve();
  }

  #hear(message: NatsMessage): void {
    if (this.#ended) return;
    this.#heardAt = this.#o.runtime.clock.fresh();
    if (message.headers?.code === 100) return this.#heartbeat(message);
    const delivered = readDelivered(message);
    // Somebody else's.
    if (delivered === undefined) return;
    if (delivered.count !== this.#count + 1) return this.#fail(`message ${this.#count + 1} did not come`);
    this.#count++;
    this.#o.take(delivered);
    if (delivered.pending === 0) this.#drained = true;
    this.#look();
  }

  /** Or a question whether we keep up. */
  #heartbeat({ reply, headers }: NatsMessage): void {
    const flow = reply || headers?.get("Nats-Consumer-Stalled");
    if (flow !== undefined && flow !== "") {
      if (FLOW.test(flow)) this.#o.link.publish(flow);
      return;
    }
    const last = headers?.get("Nats-Last-Consumer");
    if (last !== undefined && last !== "" && Number(last) !== this.#count)
      return this.#fail(`${last} messages were sent, and ${this.#count} came`);
    this.#drained = true;
    this.#look();
  }

  #watch(): void {
    const { clock } = this.#o.runtime;
    const most = this.#caughtUp ? DEAF_MS : STALLED_MS;
    const left = this.#heardAt + most - clock.fresh();
    if (left <= 0) return this.#fail(`nothing was heard for ${most} ms`);
    this.#watchdog = clock.setTimer(left, () => {
      if (!this.#ended) this.#watch();
    });
  }

  #fail(why: string): void {
    const error = this.#o.link.unavailable(new Error(`JetStream's consumer is lost: ${why}`));
    this.end(error);
    this.#o.deaf(error);
  }

  /** Hears no more; start() rejects if it is still waiting. Idempotent. */
  end(error: Error = new Error("ended")): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#watchdog?.cancel();
    this.#delivery?.end();
    this.#settle?.reject(error);
    this.#delete();
  }

  #delete(): void {
    const { js, link, stream } = this.#o;
    if (this.#name !== undefined && link.connected) void js.deleteConsumer(stream, this.#name);
  }
}
