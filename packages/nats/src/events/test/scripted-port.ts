import type { NatsHeaderEntries, NatsMessage, NatsPort, NatsPortEvents } from "../../nats-port.ts";

interface Published {
  readonly subject: string;
  readonly text: string;
  readonly reply: string | undefined;
}

/** A port whose server does what a test says. */
export class ScriptedPort implements NatsPort {
  readonly name = "nats://scripted";
  readonly maxPayload = 1000;
  connected = true;
  readonly published: Published[] = [];
  readonly #events: NatsPortEvents;
  #take: (message: NatsMessage) => void = () => {};
  #flushes: { resolve: () => void; reject: (error: Error) => void }[] = [];

  constructor(events: NatsPortEvents) {
    this.#events = events;
  }

  /** PINGs that wait for their PONG. */
  get flushes(): number {
    return this.#flushes.length;
  }

  async ready(): Promise<void> {}
  publish(subject: string, bytes: Uint8Array, reply?: string, _headers?: NatsHeaderEntries): void {
    this.published.push({ subject, text: Buffer.from(bytes).toString(), reply });
  }
  subscribe(_subject: string, take: (message: NatsMessage) => void): () => void {
    this.#take = take;
    return () => {};
  }
  flush(): Promise<void> {
    return new Promise((resolve, reject) => this.#flushes.push({ resolve, reject }));
  }
  async close(): Promise<void> {
    this.connected = false;
  }

  pong(): void {
    this.#flushes.shift()?.resolve();
  }
  deny(subject: string): void {
    this.#events.denied?.(subject);
  }
  /** The answer to something published. `nobody`: that there is nobody to answer. */
  answer({ reply }: Published, nobody = false): void {
    this.#take({ subject: reply as string, reply: undefined, bytes: new Uint8Array(), nobody });
  }
  disconnect(): void {
    this.connected = false;
    this.#events.disconnected("on purpose");
    for (const { reject } of this.#flushes.splice(0)) reject(new Error("on purpose"));
  }
  connect(): void {
    this.connected = true;
    this.#events.connected();
  }
}
