import type { FakeRuntime } from "@skein/core/testing";
import type { NatsMessage, NatsPort, NatsPortEvents } from "../nats-port.ts";
import { Unanswered } from "../unanswered.ts";

interface Subscribed {
  readonly port: FakePort;
  readonly subject: string;
  readonly take: (message: NatsMessage) => void;
}

/** A NATS server on a fake clock: each message takes 1 ms. */
export class FakeServer {
  /** Is not handed on while it says so. */
  loses: (subject: string) => boolean = () => false;
  /** Takes nothing and answers nothing, and nobody says so. */
  frozen = false;
  readonly published: { readonly at: number; readonly subject: string }[] = [];
  readonly subscribed = new Set<Subscribed>();
  readonly runtime: FakeRuntime;

  constructor(runtime: FakeRuntime) {
    this.runtime = runtime;
  }

  connect(events: NatsPortEvents): FakePort {
    const port = new FakePort(this, events);
    this.runtime.clock.setTimer(1, () => port.connect());
    return port;
  }

  publish(subject: string, bytes: Uint8Array, reply: string | undefined): void {
    if (this.frozen) return;
    this.published.push({ at: this.runtime.clock.monotonic(), subject });
    if (this.loses(subject)) return;
    const message = { subject, reply, bytes, nobody: false };
    this.runtime.clock.setTimer(1, () => {
      const matching = [...this.subscribed].filter(
        ({ port, subject: s }) => port.connected && fits(s, subject),
      );
      for (const { take } of matching) take(message);
      if (matching.length === 0 && reply !== undefined) this.#nobody(reply);
    });
  }

  #nobody(subject: string): void {
    const message = { subject, reply: undefined, bytes: new Uint8Array(), nobody: true };
    for (const { subject: s, take } of [...this.subscribed]) if (fits(s, subject)) take(message);
  }
}

const fits = (pattern: string, subject: string): boolean =>
  pattern === subject || (pattern.endsWith("*") && subject.startsWith(pattern.slice(0, -1)));

export class FakePort implements NatsPort {
  readonly name = "fake";
  readonly maxPayload = 1024 * 1024;
  connected = false;
  clustered = false;
  readonly #server: FakeServer;
  readonly #events: NatsPortEvents;
  #waiting: (() => void)[] = [];
  readonly #unanswered = new Unanswered();
  readonly #refused: ((error: Error) => void)[] = [];

  constructor(server: FakeServer, events: NatsPortEvents) {
    this.#server = server;
    this.#events = events;
  }

  connect(): void {
    this.connected = true;
    this.#events.connected();
    for (const go of this.#waiting.splice(0)) go();
  }
  /** Another member of the cluster. */
  losesMember(): void {
    this.#events.memberGone?.();
  }
  disconnect(): void {
    this.connected = false;
    this.#unanswered.gone(new Error("test"));
    this.#events.disconnected("test");
  }
  ready(timeoutMs: number): Promise<void> {
    if (this.connected) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = this.#server.runtime.clock.setTimer(timeoutMs, () => reject(new Error("no connection")));
      this.#waiting.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }
  publish(subject: string, bytes: Uint8Array, reply?: string): void {
    if (this.connected) this.#server.publish(subject, bytes, reply);
  }
  /** What it has subscribed to, until it connects anew. */
  refuses(error: Error): void {
    for (const refused of this.#refused) refused(error);
  }
  subscribe(
    subject: string,
    take: (message: NatsMessage) => void,
    refused: (error: Error) => void,
  ): () => void {
    this.#refused.push(refused);
    const subscribed = { port: this, subject, take };
    this.#server.subscribed.add(subscribed);
    return () => void this.#server.subscribed.delete(subscribed);
  }
  flush(): Promise<void> {
    const answer = new Promise<void>((resolve) => {
      if (!this.#server.frozen) this.#server.runtime.clock.setTimer(2, resolve);
    });
    return this.#unanswered.until(answer);
  }
  /** As after kill -9, when it is not asked for. */
  async close(): Promise<void> {
    this.connected = false;
  }
}
