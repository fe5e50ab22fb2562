import type { NatsHeaderEntries, NatsMessage, NatsPort } from "../../nats-port.ts";

interface Dead {
  readonly text: string;
  readonly headers: ReadonlyMap<string, string>;
}

/** A server whose JetStream has one consumer, confirms all that it is told, and gives out what a test says. */
export class JetStreamPort implements NatsPort {
  readonly name = "nats://scripted";
  readonly maxPayload = 1000;
  readonly connected = true;
  /** How many events were asked for, by each request. */
  readonly asked: number[] = [];
  /** What was said of events: `+ACK 1`, by the stream's numbers. */
  readonly said: string[] = [];
  readonly dead: Dead[] = [];
  readonly #takers = new Map<string, (message: NatsMessage) => void>();
  #count = 0;
  #flushes: (() => void)[] = [];

  async ready(): Promise<void> {}
  async close(): Promise<void> {}

  subscribe(subject: string, take: (message: NatsMessage) => void): () => void {
    this.#takers.set(subject.slice(0, -1), take);
    return () => {};
  }

  publish(subject: string, bytes: Uint8Array, reply?: string, headers: NatsHeaderEntries = []): void {
    const text = Buffer.from(bytes).toString();
    if (subject.startsWith("$JS.API.CONSUMER.MSG.NEXT.")) this.asked.push(JSON.parse(text).batch);
    else if (subject.startsWith("$JS.API.CONSUMER.INFO."))
      this.#answer(reply, { created: "2026-01-01T00:00:00Z", config: { ack_wait: 30e9 } });
    else if (subject.startsWith("$JS.ACK.")) {
      this.said.push(`${text} ${subject.split(".")[5]}`);
      this.#answer(reply, {});
    } else {
      this.dead.push({ text, headers: new Map(headers) });
      this.#answer(reply, { stream: "EVENTS_DEAD", seq: this.dead.length });
    }
  }

  #answer(subject: string | undefined, body: object): void {
    if (subject === undefined) return;
    const bytes = Buffer.from(JSON.stringify(body));
    const take = this.#takers.get(subject.slice(0, subject.lastIndexOf(".") + 1));
    void Promise.resolve().then(() => take?.({ subject, reply: undefined, bytes, nobody: false }));
  }

  /** Gives out an event, to whoever subscribed last. */
  give(sequence: number, attempt = 1, subject = "skein.events.user"): void {
    const time = `${1_700_000_000 + sequence}000000000`;
    const reply = `$JS.ACK.EVENTS.c.${attempt}.${sequence}.${++this.#count}.${time}.0`;
    [...this.#takers.values()].at(-1)?.({ subject, reply, bytes: Buffer.from("{}"), nobody: false });
  }

  flush(): Promise<void> {
    return new Promise((resolve) => this.#flushes.push(resolve));
  }
  pong(): void {
    for (const resolve of this.#flushes.splice(0)) resolve();
  }
}
