import { DEFAULT_DECODE_LIMITS, type DecodeLimits, type ForeignSessionOptions, RpcError } from "@skein/core";
import {
  authorizationOf,
  type ClientSession,
  ForeignSession,
  type ForeignWire,
  type OutgoingCall,
  unavailable,
} from "@skein/core/internal";
import { writeJson } from "../../write-json.ts";
import { metadataHeaders, timeoutHeader } from "../request-headers.ts";
import { readAnswer } from "./answer.ts";
import { Connections } from "./connections.ts";
import { type PostOutcome, post } from "./post.ts";
import type { GoMicroService } from "./service.ts";

/** Each call has a connection to itself. */
const MAX_CALLS = 256;
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** HTTP/1.1 has no ping: any server answers that it does not know this, which says that it lives. */
const PING = "Skein.Ping";
const NO_INPUT = Buffer.from("{}");

export interface GoMicroSessionOptions extends ForeignSessionOptions {
  readonly service: GoMicroService;
}

/**
 * Calls to one Go Micro server over HTTP/1.1.
 * @throws Error for an address that cannot be dialled
 */
export function createGoMicroHttpSession(options: GoMicroSessionOptions): ClientSession {
  const { address, service } = options;
  const { host, port } = hostPort(address.url);
  return new ForeignSession<TakeBack>({
    options,
    remote: `${host}:${port}`,
    endpoint: (name) => service.endpoint(name),
    maxCalls: MAX_CALLS,
    connect: (session) => new GoMicroHttpWire(options, host, port, session),
  });
}

type TakeBack = () => void;

class GoMicroHttpWire implements ForeignWire<TakeBack> {
  readonly #o: GoMicroSessionOptions;
  readonly #session: ForeignSession<TakeBack>;
  readonly #host: string;
  readonly #port: number;
  readonly #connections: Connections;
  readonly #maxBytes: number;
  readonly #decode: DecodeLimits;
  readonly #streams: string;
  #lastId = 0;
  #credentials: string | undefined;
  #ping: TakeBack | undefined;

  constructor(options: GoMicroSessionOptions, host: string, port: number, session: ForeignSession<TakeBack>) {
    const { runtime, limits, credentials } = options;
    this.#o = options;
    this.#session = session;
    this.#host = host;
    this.#port = port;
    this.#credentials = credentials;
    this.#maxBytes = limits?.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    const { maxDepth, maxValues } = DEFAULT_DECODE_LIMITS;
    this.#decode = { maxDepth: limits?.maxDepth ?? maxDepth, maxValues: limits?.maxValues ?? maxValues };
    this.#streams = `${Math.floor(runtime.random() * 2 ** 48).toString(36)}-`;
    const maxCalls = Math.min(limits?.maxCalls ?? MAX_CALLS, MAX_CALLS);
    this.#connections = new Connections({
      host,
      port,
      // One of them for pings.
      most: maxCalls + 1,
      connected: () => {
        if (session.state === "opening") session.ready();
      },
      lost: (error) =>
        session.end(
          unavailable(`no connection to ${session.remote}: ${error.message}`, "maybe", "none", error),
        ),
      now: () => runtime.clock.monotonic(),
    });
  }

  send(call: OutgoingCall, now: number): TakeBack {
    try {
      const request = this.#request(this.#headers(call, now), this.#body(call));
      return post(request, (outcome) => this.#ended(call, outcome));
    } catch (error) {
      throw RpcError.is(error) ? error : unsendable(error);
    }
  }

  #request(headers: Readonly<Record<string, string>>, body: Uint8Array) {
    const { agent } = this.#connections;
    return { agent, host: this.#host, port: this.#port, headers, body, maxBytes: this.#maxBytes };
  }

  /** @throws RpcError */
  #headers({ endpoint, metadata, expiresAt }: OutgoingCall, now: number): Record<string, string> {
    if (endpoint.kind !== "unary") throw noStreams(endpoint.name, endpoint.kind);
    const { service } = this.#o;
    const timeout = timeoutHeader(expiresAt - now);
    return {
      ...this.#call(service.goName(endpoint.name)),
      ...(timeout !== undefined && { Timeout: timeout }),
      ...(this.#credentials !== undefined && { Authorization: authorizationOf(this.#credentials) }),
      ...metadataHeaders(metadata),
    };
  }

  /** `Micro-Stream`: without it, one call in a thousand on a kept connection is never answered. */
  #call(goName: string): Record<string, string> {
    const id = ++this.#lastId;
    return {
      Accept: "application/json",
      "Content-Type": "application/json",
      "Micro-Endpoint": goName,
      "Micro-Id": String(id),
      "Micro-Method": goName,
      "Micro-Service": this.#o.instance.service,
      "Micro-Stream": this.#streams + id,
    };
  }

  /** @throws RpcError */
  #body({ input }: OutgoingCall): Uint8Array {
    let body: Uint8Array;
    try {
      // A struct of Go's is never null.
      body = input === undefined ? NO_INPUT : Buffer.from(writeJson(input));
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const options = { executed: "no", cause } as const;
      throw new RpcError("INVALID_ARGUMENT", `the input cannot be JSON: ${why}`, options);
    }
    if (body.length > this.#maxBytes)
      throw new RpcError(
        "RESOURCE_EXHAUSTED",
        `the input is longer than ${this.#maxBytes} bytes (limits.maxMessageBytes)`,
        { executed: "no" },
      );
    return body;
  }

  #ended(call: OutgoingCall, outcome: PostOutcome): void {
    let value: unknown;
    try {
      value = this.#read(outcome);
    } catch (error) {
      return this.#session.fail(call, error as RpcError);
    }
    this.#session.finish(call, value);
  }

  /** @throws RpcError */
  #read(outcome: PostOutcome): unknown {
    if (outcome === "too long")
      throw new RpcError(
        "RESOURCE_EXHAUSTED",
        `the answer is longer than ${this.#maxBytes} bytes (limits.maxMessageBytes)`,
        { executed: "yes" },
      );
    if (!("lost" in outcome)) return readAnswer(outcome.status, outcome.headers, outcome.body, this.#decode);
    const { lost, written } = outcome;
    const text = `the connection to ${this.#session.remote} was lost: ${lost.message}`;
    throw written
      ? unavailable(text, "maybe", "none", lost)
      : unavailable(`no connection to ${this.#session.remote}: ${lost.message}`, "no", "elsewhere", lost);
  }

  /** Its connection is closed: the server may see that, and stop. */
  takeBack(takeBack: TakeBack): void {
    takeBack();
  }

  bytesRead(): number {
    return this.#connections.bytesRead;
  }

  ping(): void {
    this.#ping?.();
    const headers = { ...this.#call(PING), Timeout: timeoutHeader(this.#o.liveness.suspectMs) ?? "" };
    this.#ping = post(this.#request(headers, NO_INPUT), () => {
      this.#ping = undefined;
    });
  }

  authenticate(credentials: string): void {
    this.#credentials = credentials;
  }

  end(): void {
    this.#ping?.();
    this.#connections.end();
  }
}

/** A method's name or credentials that no header can have: node:http names the header, and not what is in it. */
function unsendable(cause: unknown): RpcError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new RpcError("INVALID_ARGUMENT", `the call cannot be sent over HTTP: ${why}`, {
    executed: "no",
    cause,
  });
}

function noStreams(method: string, kind: string): RpcError {
  return new RpcError(
    "UNIMPLEMENTED",
    `${method} is a ${kind}, and this instance speaks HTTP, where Go Micro's streams are corrupt: run it with its gRPC server`,
    { executed: "no", retry: "elsewhere" },
  );
}

/** Of `http://10.0.0.1:8080`, `tcp://[::1]:8080`. @throws Error that names what it got */
function hostPort(url: string): { readonly host: string; readonly port: number } {
  const found = /^(?:http|tcp|go-micro):\/\/(\[[0-9a-f:.%]+\]|[^/:@?#[\]]+):(\d+)\/?$/i.exec(url);
  if (found === null)
    throw new Error(`its address is ${url}, and Go Micro is dialled at http://host:port, without TLS`);
  return { host: (found[1] as string).replace(/^\[|\]$/g, ""), port: Number(found[2]) };
}
