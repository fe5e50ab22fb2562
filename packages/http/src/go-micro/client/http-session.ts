import {
  DEFAULT_DECODE_LIMITS,
  type DecodeLimits,
  type ForeignSessionOptions,
  RpcError,
  type Timer,
} from "@skein/core";
import {
  AssumedEndpoints,
  authorizationOf,
  type ClientSession,
  type OutgoingCall,
  SessionWatch,
  tooLate,
  unavailable,
  withExecuted,
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

/** Calls to one Go Micro server over HTTP/1.1. */
export class GoMicroHttpSession implements ClientSession {
  state: ClientSession["state"] = "opening";
  readonly instance = "";
  readonly version = "";
  readonly endpoints: AssumedEndpoints;
  readonly #o: GoMicroSessionOptions;
  readonly #host: string;
  readonly #port: number;
  readonly #connections: Connections;
  readonly #watch: SessionWatch;
  readonly #opening: Timer;
  readonly #maxCalls: number;
  readonly #maxBytes: number;
  readonly #decode: DecodeLimits;
  /** Sent, each with what takes it back. */
  readonly #calls = new Map<OutgoingCall, () => void>();
  readonly #waiting = new Set<OutgoingCall>();
  readonly #streams: string;
  #lastId = 0;
  #credentials: string | undefined;
  #ping: (() => void) | undefined;

  /** @throws Error for an address that cannot be dialled */
  constructor(options: GoMicroSessionOptions) {
    const { runtime, address, limits, liveness, connectTimeoutMs, service, events } = options;
    this.#o = options;
    this.#credentials = options.credentials;
    this.endpoints = new AssumedEndpoints((name) => service.endpoint(name));
    this.#maxCalls = Math.min(limits?.maxCalls ?? MAX_CALLS, MAX_CALLS);
    this.#maxBytes = limits?.maxMessageBytes ?? MAX_MESSAGE_BYTES;
    const { maxDepth, maxValues } = DEFAULT_DECODE_LIMITS;
    this.#decode = { maxDepth: limits?.maxDepth ?? maxDepth, maxValues: limits?.maxValues ?? maxValues };
    this.#streams = `${Math.floor(runtime.random() * 2 ** 48).toString(36)}-`;
    const { host, port } = hostPort(address.url);
    this.#host = host;
    this.#port = port;
    this.#watch = new SessionWatch({
      runtime,
      liveness,
      pending: () => this.pending,
      bytesRead: () => this.#connections.bytesRead,
      expire: (now) => this.#expire(now),
      ping: () => this.#sendPing(),
      suspect: (suspected) => events.suspect(suspected),
      dead: () => this.#die(unavailable(`${this.#remote} was silent for too long`, "maybe")),
    });
    this.#opening = runtime.clock.setTimer(connectTimeoutMs, () =>
      this.#die(unavailable(`no connection to ${this.#remote} within ${connectTimeoutMs} ms`)),
    );
    this.#connections = new Connections({
      host,
      port,
      // One of them for pings.
      most: this.#maxCalls + 1,
      connected: () => this.#ready(),
      lost: (error) =>
        this.#die(unavailable(`no connection to ${this.#remote}: ${error.message}`, "maybe", "none", error)),
      now: () => runtime.clock.monotonic(),
    });
  }

  get #remote(): string {
    return `${this.#host}:${this.#port}`;
  }

  get pending(): number {
    return this.#calls.size + this.#waiting.size;
  }

  #ready(): void {
    if (this.state !== "opening") return;
    this.state = "open";
    this.#opening.cancel();
    this.#watch.arm();
    this.#o.events.ready();
  }

  // ---- calls

  start(call: OutgoingCall): void {
    if (this.state !== "open")
      return call.fail(unavailable(`the connection to ${this.#remote} is ${this.state}`, "no", "elsewhere"));
    if (this.#calls.size < this.#maxCalls) this.#send(call);
    else this.#waiting.add(call);
    this.#watch.arm();
  }

  #send(call: OutgoingCall): void {
    const now = this.#o.runtime.clock.monotonic();
    if (call.expiresAt <= now) return call.fail(tooLate("no"));
    let takeBack: () => void;
    try {
      const request = this.#request(this.#headers(call, now), this.#body(call));
      takeBack = post(request, (outcome) => this.#ended(call, outcome));
    } catch (error) {
      return call.fail(RpcError.is(error) ? error : unsendable(error));
    }
    this.#calls.set(call, takeBack);
    if (this.#calls.size === 1) this.#watch.expecting(now);
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
    if (!this.#calls.delete(call)) return;
    try {
      call.finish(this.#read(outcome), 0);
    } catch (error) {
      call.fail(error as RpcError);
    }
    this.#next();
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
    const text = `the connection to ${this.#remote} was lost: ${lost.message}`;
    throw written
      ? unavailable(text, "maybe", "none", lost)
      : unavailable(`no connection to ${this.#remote}: ${lost.message}`, "no", "elsewhere", lost);
  }

  /** Its connection is closed: the server may see that, and stop. */
  cancel(call: OutgoingCall): void {
    if (this.#waiting.delete(call)) return;
    this.#takeBack(call);
    this.#next();
  }

  #takeBack(call: OutgoingCall): boolean {
    const takeBack = this.#calls.get(call);
    if (takeBack === undefined) return false;
    this.#calls.delete(call);
    takeBack();
    return true;
  }

  each(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#calls.keys()]) visit(call);
  }

  eachWaiting(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#waiting]) visit(call);
  }

  authenticate(credentials: string): void {
    this.#credentials = credentials;
  }

  #next(): void {
    for (const call of this.#waiting) {
      if (this.#calls.size >= this.#maxCalls || this.state !== "open") break;
      this.#waiting.delete(call);
      this.#send(call);
    }
    if (this.state === "draining" && this.pending === 0) this.#die(unavailable("drained"));
  }

  // ---- time

  #expire(now: number): boolean {
    for (const call of [...this.#waiting])
      if (call.expiresAt <= now && this.#waiting.delete(call)) call.fail(tooLate("no"));
    for (const call of [...this.#calls.keys()])
      if (call.expiresAt <= now && this.#takeBack(call)) call.fail(tooLate("maybe"));
    if (this.state !== "closed") this.#next();
    return this.#calls.size > 0;
  }

  #sendPing(): void {
    this.#ping?.();
    const headers = { ...this.#call(PING), Timeout: timeoutHeader(this.#o.liveness.suspectMs) ?? "" };
    this.#ping = post(this.#request(headers, NO_INPUT), () => {
      this.#ping = undefined;
    });
  }

  // ---- the end

  drain(): void {
    if (this.state === "opening") return this.close();
    if (this.state !== "open") return;
    this.state = "draining";
    this.#o.events.draining();
    this.#giveBack(unavailable("the instance is draining", "no", "elsewhere"));
    if (this.pending === 0) this.#o.runtime.defer(() => this.#next());
  }

  close(): void {
    this.#die(new RpcError("CANCELLED", "the client was closed", { executed: "maybe" }));
  }

  #giveBack(error: RpcError): void {
    for (const call of [...this.#waiting]) if (this.#waiting.delete(call)) call.fail(error);
  }

  #die(error: RpcError): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#opening.cancel();
    this.#watch.end();
    this.#ping?.();
    for (const call of [...this.#calls.keys()]) if (this.#takeBack(call)) call.fail(error);
    this.#connections.end();
    this.#giveBack(withExecuted(error, "no"));
    this.#o.events.closed(error);
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
