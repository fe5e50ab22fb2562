import type { FakeRuntime } from "@skein/core/testing";
import type {
  NatsHeaderEntries,
  NatsMessage,
  NatsMessageHeaders,
  NatsPort,
  NatsPortEvents,
  NatsSubscription,
} from "../../nats-port.ts";

interface Subscribed {
  readonly port: FakePort;
  readonly subject: string;
  readonly queue: string | undefined;
  readonly take: (message: NatsMessage) => void;
}

/** A NATS server on a fake clock, with queue groups and headers: each message takes 1 ms. Of a group each gets its turn. */
export class FakeNats {
  readonly subscribed = new Set<Subscribed>();
  /** Whatever was published, wherever to. */
  readonly subjects: string[] = [];
  readonly runtime: FakeRuntime;
  #turn = 0;

  constructor(runtime: FakeRuntime) {
    this.runtime = runtime;
  }

  connect(events: NatsPortEvents = { connected() {}, disconnected() {} }): FakePort {
    const port = new FakePort(this, events);
    this.runtime.defer(() => events.connected());
    return port;
  }

  publish(message: NatsMessage): void {
    this.subjects.push(message.subject);
    this.runtime.clock.setTimer(1, () => {
      const fitting = [...this.subscribed].filter((one) => fits(one.subject, message.subject));
      const queued = fitting.filter(({ queue }) => queue !== undefined);
      const chosen = queued.length === 0 ? [] : [queued[this.#turn++ % queued.length] as Subscribed];
      for (const { port, take } of [...fitting.filter(({ queue }) => queue === undefined), ...chosen])
        if (!port.frozen) take(message);
      if (fitting.length === 0 && message.reply !== undefined) this.#nobody(message.reply);
    });
  }

  #nobody(subject: string): void {
    const headers = readable(new Map(), 503);
    const message = { subject, reply: undefined, bytes: new Uint8Array(), nobody: true, headers };
    for (const one of [...this.subscribed]) if (fits(one.subject, subject)) one.take(message);
  }
}

const fits = (pattern: string, subject: string): boolean =>
  pattern === subject || (pattern.endsWith("*") && subject.startsWith(pattern.slice(0, -1)));

export class FakePort implements NatsPort {
  readonly name = "nats://fake";
  maxPayload = 1000;
  /** How long what is on its way takes. */
  drainMs = 0;
  connected = true;
  clustered = false;
  closed = false;
  /** Hears nothing, and nobody knows. */
  frozen = false;
  readonly #server: FakeNats;
  readonly #events: NatsPortEvents;

  constructor(server: FakeNats, events: NatsPortEvents) {
    this.#server = server;
    this.#events = events;
  }

  /** Another member of the cluster. */
  losesMember(): void {
    this.#events.memberGone?.();
  }
  disconnect(): void {
    this.connected = false;
    this.#events.disconnected("test");
  }
  /** As after kill -9: the server knows it at once. */
  kill(): void {
    for (const one of [...this.#server.subscribed])
      if (one.port === this) this.#server.subscribed.delete(one);
  }
  async ready(timeoutMs: number): Promise<void> {
    if (this.connected) return;
    await new Promise<void>((resolve) => this.#server.runtime.clock.setTimer(timeoutMs, resolve));
    if (!this.connected) throw Object.assign(new Error("no connection to nats://fake"), { code: "ENETDOWN" });
  }
  publish(subject: string, bytes: Uint8Array, reply?: string, headers?: NatsHeaderEntries): void {
    if (!this.connected) return;
    if (bytes.length > this.maxPayload) throw new Error("MAX_PAYLOAD_EXCEEDED");
    this.#server.publish({
      subject,
      reply,
      bytes,
      nobody: false,
      headers: headers === undefined ? undefined : readable(new Map(headers)),
    });
  }
  subscribe(
    subject: string,
    take: (message: NatsMessage) => void,
    _refused: (error: Error) => void,
    queue?: string,
  ): NatsSubscription {
    const one = { port: this, subject, queue, take };
    this.#server.subscribed.add(one);
    const end = (): void => void this.#server.subscribed.delete(one);
    const drain = async (): Promise<void> => {
      end();
      await new Promise<void>((resolve) => this.#server.runtime.clock.setTimer(this.drainMs, resolve));
    };
    return Object.assign(end, { drain });
  }
  async flush(): Promise<void> {}
  async close(): Promise<void> {
    this.closed = true;
    this.kill();
  }
}

function readable(headers: ReadonlyMap<string, string>, code = 0): NatsMessageHeaders {
  return {
    code,
    description: "",
    names: () => [...headers.keys()],
    get: (name) => [...headers].find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1] ?? "",
  };
}
