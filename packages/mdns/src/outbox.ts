import type { Runtime, Timer } from "@skein/core";
import type { RecordSet } from "./responder.ts";
import { bytesOf, type Message, responsesOf } from "./wire.ts";

/** The same is not said again within this, ms. */
const SAID_MS = 200;
/** What is due about the same time goes together, ms. */
const SLOT_MS = 10;
/** Receivers' buffers hold little: so much at once, bytes, and then a pause, ms. */
const BURST_BYTES = 24 * 1024;
const PAUSE_MS = 2;

interface Queued {
  readonly message: Message;
  readonly sent: (error?: unknown) => void;
}

/** Sends records: many in one message, not too fast, and none again and again because many ask. */
export class Outbox {
  readonly #runtime: Runtime;
  readonly #set: (key: string, now: number) => RecordSet;
  readonly #send: (message: Message) => Promise<void>;
  readonly #queue: Queued[] = [];
  #pumping: Timer | undefined;
  #burst = 0;
  /** What is said at the end of this tick. */
  #now: { readonly keys: Set<string>; readonly done: Promise<void> } | undefined;
  readonly #slots = new Map<number, Set<string>>();
  readonly #saidAt = new Map<string, number>();
  #slotTimer: { readonly at: number; readonly timer: Timer } | undefined;
  #closed = false;

  /** @param set what a key stands for now; nothing when it is gone */
  constructor(
    runtime: Runtime,
    set: (key: string, now: number) => RecordSet,
    send: (message: Message) => Promise<void>,
  ) {
    this.#runtime = runtime;
    this.#set = set;
    this.#send = send;
  }

  /** At the end of this tick. Resolves once it is sent; rejects when it cannot be. */
  soon(keys: readonly string[]): Promise<void> {
    if (this.#now === undefined) {
      const all = new Set<string>();
      const done = new Promise<void>((resolve, reject) =>
        this.#runtime.defer(() => {
          this.#now = undefined;
          this.#sayKeys(all).then(resolve, reject);
        }),
      );
      this.#now = { keys: all, done };
    }
    for (const key of keys) this.#now.keys.add(key);
    return this.#now.done;
  }

  /** In about so many ms; what cannot be sent then is lost. */
  later(keys: readonly string[], delayMs: number): void {
    if (keys.length === 0 || this.#closed) return;
    const now = this.#runtime.clock.monotonic();
    for (const key of keys) {
      const least = (this.#saidAt.get(key) ?? Number.NEGATIVE_INFINITY) + SAID_MS;
      const slot = Math.ceil(Math.max(now + delayMs, least) / SLOT_MS) * SLOT_MS;
      const in_ = this.#slots.get(slot) ?? new Set();
      in_.add(key);
      this.#slots.set(slot, in_);
    }
    this.#arm();
  }

  #arm(): void {
    if (this.#slots.size === 0 || this.#closed) return;
    const at = Math.min(...this.#slots.keys());
    if (this.#slotTimer !== undefined && this.#slotTimer.at <= at) return;
    this.#slotTimer?.timer.cancel();
    const { clock } = this.#runtime;
    const timer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => this.#due());
    this.#slotTimer = { at, timer };
  }

  #due(): void {
    this.#slotTimer = undefined;
    const now = this.#runtime.clock.monotonic();
    const keys = new Set<string>();
    const again: string[] = [];
    for (const [slot, of] of [...this.#slots]) {
      if (slot > now) continue;
      this.#slots.delete(slot);
      for (const key of of)
        if ((this.#saidAt.get(key) ?? Number.NEGATIVE_INFINITY) + SAID_MS > now) again.push(key);
        else keys.add(key);
    }
    this.#sayKeys(keys).catch(() => {});
    this.later(again, 0);
    this.#arm();
  }

  #sayKeys(keys: ReadonlySet<string>): Promise<void> {
    const now = this.#runtime.clock.monotonic();
    const sets: RecordSet[] = [];
    for (const key of keys) {
      const set = this.#set(key, now);
      if (set.length === 0) this.#saidAt.delete(key);
      else {
        sets.push(set);
        this.#saidAt.set(key, now);
      }
    }
    return this.say(sets);
  }

  /** As soon as what waits is sent. Rejects when it cannot be. */
  async say(sets: readonly RecordSet[]): Promise<void> {
    const sent = responsesOf(sets).map(
      (message) =>
        new Promise<void>((resolve, reject) => {
          this.#queue.push({
            message,
            sent: (error) => (error === undefined ? resolve() : reject(error as Error)),
          });
        }),
    );
    this.#pump();
    await Promise.all(sent);
  }

  #pump(): void {
    while (this.#pumping === undefined) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#send(next.message).then(() => next.sent(), next.sent);
      this.#burst += next.message.type === "response" ? bytesOf(next.message.records) : 0;
      if (this.#burst < BURST_BYTES) continue;
      this.#pumping = this.#runtime.clock.setTimer(PAUSE_MS, () => {
        this.#burst = 0;
        this.#pumping = undefined;
        this.#pump();
      });
    }
  }

  /** They are gone. */
  forget(keys: readonly string[]): void {
    for (const key of keys) this.#saidAt.delete(key);
  }

  /** What waits is not sent. */
  close(): void {
    this.#closed = true;
    this.#slotTimer?.timer.cancel();
    this.#pumping?.cancel();
    for (const { sent } of this.#queue.splice(0)) sent(new Error("the registry is closed"));
  }
}
