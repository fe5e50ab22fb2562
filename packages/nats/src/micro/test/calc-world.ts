import { type Code, RpcError } from "@skein/core";
import { assumedUnary, type ClientSession, type OutgoingCall, wholeService } from "@skein/core/internal";
import { createFakeRuntime } from "@skein/core/testing";
import type { NatsMessage } from "../../nats-port.ts";
import { Link } from "../client/link.ts";
import { protocolOver } from "../client/protocol.ts";
import { writeError } from "../micro-errors.ts";
import { FakeNats, type FakePort } from "./fake-nats.ts";

const SUBJECT = "sums.calc.Sum";

/** Somebody who serves calc, and has or has not answered. */
class Calc {
  readonly port: FakePort;
  readonly asked: string[] = [];
  /** As INFO tells them. */
  endpoints: readonly object[];
  /** How long INFO takes. */
  infoMs = 0;
  readonly #nats: FakeNats;

  constructor(nats: FakeNats, id: string, answers: boolean, metadata: object, own: object) {
    this.#nats = nats;
    this.port = nats.connect();
    this.endpoints = [{ name: "Sum", subject: SUBJECT, queue_group: "q", metadata }];
    const info = {
      type: "io.nats.micro.v1.info_response",
      name: "calc",
      id,
      version: "1.0.0",
      metadata: own,
    };
    const reply = ({ reply: to }: NatsMessage, value: unknown): void =>
      this.port.publish(to as string, Buffer.from(JSON.stringify(value)));
    const inform = (message: NatsMessage): void => reply(message, { ...info, endpoints: this.endpoints });
    const informLater = (message: NatsMessage): void => {
      if (this.infoMs === 0) inform(message);
      else nats.runtime.clock.setTimer(this.infoMs, () => inform(message));
    };
    this.port.subscribe("$SRV.INFO.calc", informLater, () => {});
    this.port.subscribe(
      `$SRV.PING.calc.${id}`,
      (message) => reply(message, {}),
      () => {},
    );
    this.serve(SUBJECT, (message) => {
      this.asked.push(Buffer.from(message.bytes).toString());
      if (answers) reply(message, id);
    });
  }

  serve(subject: string, take: (message: NatsMessage) => void): void {
    this.port.subscribe(subject, take, () => {}, "q");
  }

  /** No call comes any more. */
  leave(): void {
    for (const one of this.#nats.subscribed)
      if (one.port === this.port && one.queue !== undefined) this.#nats.subscribed.delete(one);
  }
}

interface Made extends OutgoingCall {
  outcome: unknown;
  /** Of its failure. */
  cause: unknown;
}

/** A session with calc, on a fake clock. */
export class CalcWorld {
  readonly runtime = createFakeRuntime();
  readonly nats = new FakeNats(this.runtime);
  readonly told: string[] = [];
  /** Of what sessions ended with. */
  readonly causes: unknown[] = [];
  /** The session's. */
  ours!: FakePort;
  /** NATS is, when the session connects. */
  away = false;
  readonly #link = new Link({
    runtime: this.runtime,
    connect: (events) => {
      this.ours = this.nats.connect(events);
      this.ours.connected = !this.away;
      return this.ours;
    },
  });

  pass(ms: number): Promise<void> {
    return this.runtime.clock.advanceAsync(ms);
  }

  calc(id: string, answers: boolean, metadata: object = {}, own: object = {}): Calc {
    return new Calc(this.nats, id, answers, metadata, own);
  }

  /** Somebody who executes nothing. */
  refusing(code: Code, retry?: number): FakePort {
    const port = this.nats.connect();
    const { headers, body } = writeError(new RpcError(code, "not now", { executed: "no", retry }), 1000);
    const refuse = ({ reply }: NatsMessage): void => port.publish(reply as string, body, undefined, headers);
    port.subscribe(SUBJECT, refuse, () => {}, "q");
    return port;
  }

  async open(connectTimeoutMs = 1000): Promise<ClientSession> {
    const { runtime, told, causes } = this;
    const instance = wholeService("calc", "nats-micro");
    const session = await protocolOver(() => this.#link)
      .service("calc")
      .open({
        runtime,
        instance,
        address: instance.addresses[0] as (typeof instance.addresses)[0],
        connectTimeoutMs,
        credentials: undefined,
        limits: undefined,
        liveness: {
          quietMs: 500,
          suspectMs: 1000,
          silentMs: 4000,
          deadAfterMs: 30_000,
          idlePingMs: 15_000,
        },
        events: {
          ready: () => void told.push("ready"),
          suspect: (suspected) => void told.push(suspected ? "suspected" : "well"),
          draining: () => void told.push("draining"),
          closed: ({ message, cause }) => {
            told.push(`closed: ${message}`);
            causes.push(cause);
          },
        },
      });
    await this.pass(20);
    return session;
  }

  call(session: ClientSession, method: string, more: Partial<OutgoingCall> = {}): Made {
    const made: Made = {
      endpoint: { ...assumedUnary(method), id: 0 },
      input: 1,
      expiresAt: this.runtime.clock.monotonic() + 5000,
      metadata: undefined,
      attempt: 0,
      items: undefined,
      id: 0,
      inputTaken: false,
      ...more,
      outcome: undefined,
      cause: undefined,
      finish: (value) => {
        made.outcome = value;
      },
      fail: (error: RpcError) => {
        made.outcome = `${error.code} ${error.executed} ${error.message}`;
        made.cause = error.cause;
      },
      abandoned: () => {},
    };
    session.start(made);
    return made;
  }
}
