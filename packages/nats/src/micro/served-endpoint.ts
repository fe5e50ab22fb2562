import { type DoorHost, RpcError } from "@skein/core";
import { anyService, type DoorCallers } from "@skein/core/internal";
import type { NatsMessage, NatsPort, NatsSubscription } from "../nats-port.ts";
import { EndpointStats } from "./endpoint-stats.ts";
import { readBody, writeBody } from "./json-body.ts";
import { writeError } from "./micro-errors.ts";
import { headerBytes, readHeaders } from "./micro-headers.ts";
import { isReply } from "./micro-names.ts";
import type { Room } from "./room.ts";

export interface EndpointPorts {
  readonly host: DoorHost;
  readonly port: NatsPort;
  readonly callers: DoorCallers;
  /** Said once. */
  readonly warn: (fields: object, message: string) => void;
}

export interface EndpointOptions {
  /** Ours. */
  readonly service: string;
  readonly version: string;
  readonly method: string;
  /** Theirs. */
  readonly name: string;
  readonly subject: string;
  readonly queue: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Of the service. */
  readonly room: Room;
}

/** One endpoint on its subject: requests become calls, their outcomes answers. */
export class ServedEndpoint {
  readonly stats = new EndpointStats();
  readonly o: EndpointOptions;
  readonly #p: EndpointPorts;
  #subscription: NatsSubscription | undefined;
  /** As withdraw() says, of the last time. */
  #withdrawn: Promise<void> = Promise.resolve();
  #running = 0;
  #idle: (() => void) | undefined;

  constructor(options: EndpointOptions, ports: EndpointPorts) {
    this.o = options;
    this.#p = ports;
  }

  /** Goes into the queue group. Idempotent. */
  offer(): void {
    const { subject, queue } = this.o;
    this.#subscription ??= this.#p.port.subscribe(
      subject,
      (message) => void this.#serve(message),
      (error) =>
        this.#p.warn({ subject, cause: error.message }, "NATS does not let us serve an endpoint there"),
      queue,
    );
  }

  /** Leaves the queue group. Resolves once the requests on their way have been taken. Idempotent. */
  withdraw(): Promise<void> {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    if (subscription !== undefined) this.#withdrawn = end(subscription);
    return this.#withdrawn;
  }

  /** Resolves once nothing runs. */
  async ended(): Promise<void> {
    if (this.#running === 0) return;
    await new Promise<void>((resolve) => {
      this.#idle = resolve;
    });
  }

  async #serve(message: NatsMessage): Promise<void> {
    const { clock } = this.#p.host.runtime;
    const began = clock.fresh();
    this.#running++;
    try {
      const answer = this.#fitting(writeBody(await this.o.room.run(() => this.#call(message))));
      this.stats.ended(clock.fresh() - began);
      this.#answer(message, answer);
    } catch (error) {
      const { headers, body, text } = writeError(RpcError.from(error), this.#most / 2);
      this.stats.ended(clock.fresh() - began, text);
      this.#answer(message, body, headers);
    } finally {
      if (--this.#running === 0) this.#idle?.();
    }
  }

  async #call({ headers, bytes }: NatsMessage): Promise<unknown> {
    const { service, method, version } = this.o;
    const { credentials, timeoutMs, metadata } = readHeaders(headers);
    const input = inputIn(bytes);
    const caller = this.#p.callers.take(credentials);
    const options = {
      version,
      ...(timeoutMs !== undefined && { timeoutMs }),
      ...(metadata !== undefined && { metadata }),
    };
    try {
      const value = await anyService(caller.client, service).call(method, input, options);
      caller.release();
      return value;
    } catch (error) {
      caller.release(error);
      throw error;
    }
  }

  get #most(): number {
    return this.#p.port.maxPayload || Number.POSITIVE_INFINITY;
  }

  #fitting(answer: Uint8Array): Uint8Array {
    if (answer.length <= this.#most) return answer;
    const text = `the answer has ${answer.length} bytes: NATS carries at most ${this.#most} (max_payload)`;
    throw new RpcError("INTERNAL", text, { executed: "yes" });
  }

  #answer({ reply }: NatsMessage, bytes: Uint8Array, headers?: ReadonlyMap<string, string>): void {
    if (!isReply(reply)) return;
    const fits = headers === undefined || headerBytes(headers) + bytes.length <= this.#most;
    try {
      this.#p.port.publish(reply, fits ? bytes : new Uint8Array(), undefined, headers);
    } catch (error) {
      this.#p.warn({ err: error, subject: this.o.subject }, "an answer could not be published to NATS");
    }
  }
}

async function end(subscription: NatsSubscription): Promise<void> {
  if (subscription.drain === undefined) subscription();
  else await subscription.drain();
}

function inputIn(bytes: Uint8Array): unknown {
  try {
    return readBody(bytes) ?? undefined;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new RpcError("INVALID_ARGUMENT", `the body cannot be taken: ${why}`, { executed: "no", cause });
  }
}
