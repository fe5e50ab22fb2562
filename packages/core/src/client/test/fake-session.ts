import type { EndpointInfo } from "../../endpoint.ts";
import { type Code, RpcError, type RpcErrorOptions } from "../../errors/rpc-error.ts";
import type { ClientSession, ClientSessionOptions } from "../../session/client-session-types.ts";
import type { OutgoingCall, RemoteEndpoint } from "../../session/outgoing-call.ts";
import type { Connection, Transport } from "../../transport.ts";

/** A session whose peer is the test. */
export class FakeSession implements ClientSession {
  state: ClientSession["state"] = "opening";
  instance = "";
  version = "";
  endpoints: ReadonlyMap<string, RemoteEndpoint> = new Map();
  /** In flight, in order. */
  readonly calls: OutgoingCall[] = [];
  /** For a free slot, in order. */
  readonly waiting: OutgoingCall[] = [];
  /** Further calls wait. */
  maxCalls = Number.POSITIVE_INFINITY;
  /** Every call ever started here. */
  readonly started: OutgoingCall[] = [];
  readonly cancelled: OutgoingCall[] = [];
  readonly options: ClientSessionOptions;
  /** Answers calls as they come, when set. */
  onStart: ((call: OutgoingCall) => void) | undefined;

  constructor(options: ClientSessionOptions) {
    this.options = options;
  }

  get pending(): number {
    return this.calls.length + this.waiting.length;
  }
  start(call: OutgoingCall): void {
    if (this.state !== "open") {
      this.started.push(call);
      return call.fail(error("UNAVAILABLE", "no", "elsewhere"));
    }
    if (this.calls.length >= this.maxCalls) this.waiting.push(call);
    else this.#send(call);
  }
  #send(call: OutgoingCall): void {
    this.started.push(call);
    this.calls.push(call);
    this.onStart?.(call);
  }
  #next(): void {
    while (this.waiting.length > 0 && this.calls.length < this.maxCalls)
      this.#send(this.waiting.shift() as OutgoingCall);
  }
  cancel(call: OutgoingCall): void {
    const at = this.waiting.indexOf(call);
    if (at >= 0) return void this.waiting.splice(at, 1);
    if (!this.take(call)) return;
    this.cancelled.push(call);
    this.#next();
  }
  each(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.calls]) visit(call);
  }
  eachWaiting(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.waiting]) visit(call);
  }
  authenticate(): void {}
  drain(): void {
    if (this.state !== "open") return this.close();
    this.goaway();
  }
  close(): void {
    this.lose(new RpcError("CANCELLED", "the client was closed", { executed: "maybe" }));
  }

  // ---- the test's side

  take(call: OutgoingCall): boolean {
    const at = this.calls.indexOf(call);
    if (at >= 0) this.calls.splice(at, 1);
    return at >= 0;
  }
  hello(endpoints: Record<string, Partial<EndpointInfo>>, version = "1.0.0"): this {
    this.instance = this.options.instance ?? "whoever";
    this.version = version;
    this.endpoints = new Map(
      Object.entries(endpoints).map(([name, info], id) => [
        name,
        { id, name, kind: "unary", idempotent: false, timeoutMs: undefined, priority: "normal", ...info },
      ]),
    );
    this.state = "open";
    this.options.events.ready();
    return this;
  }
  answer(value: unknown, call: OutgoingCall = this.calls[0] as OutgoingCall): void {
    if (!this.take(call)) throw new Error("no such call");
    if (call.items !== undefined) call.items.end();
    call.finish(value, 0);
    this.#next();
  }
  refuse(why: RpcError, call: OutgoingCall = this.calls[0] as OutgoingCall): void {
    if (!this.take(call)) throw new Error("no such call");
    call.fail(why);
  }
  suspect(suspected: boolean): void {
    this.options.events.suspect(suspected);
  }
  goaway(): void {
    this.state = "draining";
    this.options.events.draining();
    if (this.pending === 0) this.lose(error("UNAVAILABLE", "no", "none", "drained"));
  }
  /** The connection goes: calls in flight fail as lost. */
  lose(why: RpcError = error("UNAVAILABLE", "maybe", "none", "the connection was lost")): void {
    if (this.state === "closed") return;
    this.state = "closed";
    const { code, message, cause } = why;
    for (const call of this.calls.splice(0))
      call.fail(new RpcError(code, message, { executed: "maybe", retry: "none", cause }));
    for (const call of this.waiting.splice(0))
      call.fail(new RpcError(code, message, { executed: "no", retry: "elsewhere", cause }));
    this.options.events.closed(why);
  }
}

export function error(
  code: Code,
  executed: RpcErrorOptions["executed"],
  retry: RpcErrorOptions["retry"],
  message = code.toLowerCase(),
): RpcError {
  return new RpcError(code, message, { executed, retry });
}

/** As a transport says that its broker is away. */
export function netDown(): Error {
  return Object.assign(new Error("no connection to the broker"), { code: "ENETDOWN" });
}

const noConnection = { remote: "fake", destroy() {}, close() {} } as unknown as Connection;

/** `fake://id`: dials that the test settles, or lets succeed. */
export class FakeTransport implements Transport {
  readonly scheme = "fake";
  readonly dials: string[] = [];
  /** Addresses that refuse. */
  readonly refused = new Set<string>();
  /** Addresses that never answer. */
  readonly silent = new Set<string>();
  /** As long as the broker is away. */
  down = false;
  async dial(address: string, options: { readonly signal?: AbortSignal | undefined }): Promise<Connection> {
    this.dials.push(address);
    if (this.down) throw netDown();
    if (this.refused.has(address)) throw new Error(`${address}: connection refused`);
    if (this.silent.has(address))
      await new Promise((_, reject) =>
        options.signal?.addEventListener("abort", () => reject(new Error("aborted"))),
      );
    return noConnection;
  }
  listen(): Promise<never> {
    return Promise.reject(new Error("not here"));
  }
}
