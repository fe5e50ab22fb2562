import type { EndpointInfo } from "../endpoint.ts";
import { RpcError } from "../errors/rpc-error.ts";
import type { Timer } from "../runtime.ts";
import type { ClientSession } from "../session/client-session-types.ts";
import type { OutgoingCall } from "../session/outgoing-call.ts";
import { tooLate, unavailable, withExecuted } from "../session/session-errors.ts";
import { AssumedEndpoints } from "./assumed-endpoints.ts";
import type { ForeignSessionOptions } from "./foreign-protocol.ts";
import { SessionWatch } from "./session-watch.ts";

const MAX_CALLS = 1000;
const MAX_UNSENT_BYTES = 16 * 1024 * 1024;

/** How another protocol carries calls: it knows the connection, and nothing of slots, deadlines, silence and draining. `Sent` stands for a call on it. */
export interface ForeignWire<Sent> {
  /** Sends a call. @throws RpcError, executed `no`, for what cannot be sent */
  send(call: OutgoingCall, now: number): Sent;
  /** The session knows of it from now on: it may end. @default nothing */
  begin?(sent: Sent): void;
  /** Nobody waits for it any more: it was cancelled, its time is up, or the session ends. */
  takeBack(sent: Sent): void;
  /** What a call in flight is told when the session ends. @default the session's own error */
  endOf?(sent: Sent, error: RpcError): RpcError;
  /** What there is not, when it is not ready in time. @default "no connection to" */
  missing?(): string;
  /** Given to the system, and not taken by the peer. @default 0 */
  unsentBytes?(): number;
  /** Another number once something was read of the peer. */
  bytesRead(): number;
  /** Sends something that the peer must answer. */
  ping(): void;
  /** Newer credentials. @default the protocol has none */
  authenticate?(credentials: string): void;
  /** The session has ended, and nothing more is asked for. */
  end(): void;
}

export interface ForeignSessionParts<Sent> {
  readonly options: ForeignSessionOptions;
  /** The peer, for messages. */
  readonly remote: string;
  /** What is assumed of a method. */
  endpoint(name: string): EndpointInfo;
  /** Calls at once, at most. @default 1000, or less by the client's limits */
  readonly maxCalls?: number | undefined;
  /** Begins to connect; tells the session ready() or end(), later. @throws Error for an address that cannot be dialled */
  connect(session: ForeignSession<Sent>): ForeignWire<Sent>;
}

/** The client's end of a session in another protocol: which calls are under way and which wait, until when, and what they are told at the end. */
export class ForeignSession<Sent> implements ClientSession {
  readonly instance = "";
  readonly version = "";
  readonly endpoints: AssumedEndpoints;
  readonly remote: string;
  readonly #o: ForeignSessionOptions;
  readonly #wire: ForeignWire<Sent>;
  readonly #watch: SessionWatch;
  readonly #opening: Timer;
  readonly #calls = new Map<OutgoingCall, Sent>();
  readonly #waiting = new Set<OutgoingCall>();
  readonly #maxUnsent: number;
  #maxCalls: number;
  #state: ClientSession["state"] = "opening";

  constructor(parts: ForeignSessionParts<Sent>) {
    const { options, remote, maxCalls = MAX_CALLS } = parts;
    const { runtime, limits, liveness, connectTimeoutMs, events } = options;
    this.#o = options;
    this.remote = remote;
    this.endpoints = new AssumedEndpoints((name) => parts.endpoint(name));
    this.#maxCalls = Math.min(limits?.maxCalls ?? MAX_CALLS, maxCalls);
    this.#maxUnsent = limits?.maxUnsentBytes ?? MAX_UNSENT_BYTES;
    this.#wire = parts.connect(this);
    this.#watch = new SessionWatch({
      runtime,
      liveness,
      pending: () => this.pending,
      inFlight: () => this.#calls.size,
      bytesRead: () => this.#wire.bytesRead(),
      expire: (now) => this.#expire(now),
      ping: () => this.#wire.ping(),
      suspect: (suspected) => events.suspect(suspected),
      dead: () => this.end(unavailable(`${remote} was silent for too long`, "maybe")),
    });
    this.#opening = runtime.clock.setTimer(connectTimeoutMs, () =>
      this.end(unavailable(`${this.#missing} ${remote} within ${connectTimeoutMs} ms`)),
    );
  }

  get state(): ClientSession["state"] {
    return this.#state;
  }

  get pending(): number {
    return this.#calls.size + this.#waiting.size;
  }

  get #missing(): string {
    return this.#wire.missing?.() ?? "no connection to";
  }

  // ---- told by the wire

  /** Connected; or, later, that so many calls may be under way at once. */
  ready(maxCalls = this.#maxCalls): void {
    this.#maxCalls = Math.min(this.#o.limits?.maxCalls ?? MAX_CALLS, maxCalls);
    if (this.#state !== "opening") return this.#next();
    this.#state = "open";
    this.#opening.cancel();
    this.#watch.arm();
    this.#o.events.ready();
  }

  /** What stands for a call that is under way. */
  sent(call: OutgoingCall): Sent | undefined {
    return this.#calls.get(call);
  }

  /** A call was answered. One that has ended already is left alone. */
  finish(call: OutgoingCall, value: unknown): void {
    if (!this.#calls.delete(call)) return;
    call.items?.end();
    call.finish(value, 0);
    this.#next();
  }

  /** A call was refused, or will have no answer. */
  fail(call: OutgoingCall, error: RpcError): void {
    if (!this.#calls.delete(call)) return;
    call.fail(error);
    this.#next();
  }

  /** The reader of a call's items has gone. */
  abandoned(call: OutgoingCall): void {
    this.#calls.delete(call);
    call.abandoned();
    this.#next();
  }

  /** It is over: calls under way are told `error`, those that waited as much, and that they were not executed. */
  end(error: RpcError): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#opening.cancel();
    this.#watch.end();
    for (const [call, sent] of this.#calls) {
      this.#calls.delete(call);
      const told = this.#wire.endOf?.(sent, error) ?? error;
      this.#wire.takeBack(sent);
      call.fail(told);
    }
    this.#giveBack(withExecuted(error, "no"));
    this.#wire.end();
    this.#o.events.closed(error);
  }

  // ---- told by the client

  start(call: OutgoingCall): void {
    if (this.#state !== "open")
      return call.fail(unavailable(`the connection to ${this.remote} is ${this.#state}`, "no", "elsewhere"));
    if (this.#calls.size < this.#maxCalls) this.#send(call);
    else this.#waiting.add(call);
    this.#watch.arm();
  }

  #send(call: OutgoingCall): void {
    const now = this.#o.runtime.clock.monotonic();
    const fault = call.expiresAt <= now ? tooLate("no") : this.#full();
    if (fault !== undefined) return call.fail(fault);
    let sent: Sent;
    try {
      sent = this.#wire.send(call, now);
    } catch (error) {
      return call.fail(error as RpcError);
    }
    this.#calls.set(call, sent);
    if (this.#calls.size === 1) this.#watch.expecting(now);
    this.#wire.begin?.(sent);
  }

  #full(): RpcError | undefined {
    const most = this.#maxUnsent;
    if ((this.#wire.unsentBytes?.() ?? 0) <= most) return undefined;
    return new RpcError("RESOURCE_EXHAUSTED", `more than ${most} bytes wait to be sent to ${this.remote}`, {
      executed: "no",
      retry: "elsewhere",
    });
  }

  cancel(call: OutgoingCall): void {
    if (this.#waiting.delete(call)) return;
    if (this.#takeBack(call)) this.#next();
  }

  #takeBack(call: OutgoingCall): boolean {
    const sent = this.#calls.get(call);
    if (!this.#calls.delete(call)) return false;
    this.#wire.takeBack(sent as Sent);
    return true;
  }

  each(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#calls.keys()]) visit(call);
  }

  eachWaiting(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#waiting]) visit(call);
  }

  authenticate(credentials: string): void {
    this.#wire.authenticate?.(credentials);
  }

  drain(): void {
    if (this.#state === "opening") return this.close();
    if (this.#state !== "open") return;
    this.#state = "draining";
    this.#o.events.draining();
    this.#giveBack(unavailable("the instance is draining", "no", "elsewhere"));
    if (this.pending === 0) this.#o.runtime.defer(() => this.#next());
  }

  close(): void {
    this.end(new RpcError("CANCELLED", "the client was closed", { executed: "maybe" }));
  }

  // ---- slots and time

  #next(): void {
    for (const call of this.#waiting) {
      if (this.#calls.size >= this.#maxCalls || this.#state !== "open") break;
      this.#waiting.delete(call);
      this.#send(call);
    }
    if (this.#state === "draining" && this.pending === 0) this.end(unavailable("drained"));
  }

  /** When the next deadline passes. */
  #expire(now: number): number {
    for (const call of [...this.#waiting])
      if (call.expiresAt <= now && this.#waiting.delete(call)) call.fail(tooLate("no"));
    for (const call of [...this.#calls.keys()])
      if (call.expiresAt <= now && this.#takeBack(call)) call.fail(tooLate("maybe"));
    this.#next();
    let next = Number.POSITIVE_INFINITY;
    for (const calls of [this.#calls.keys(), this.#waiting])
      for (const { expiresAt } of calls) next = Math.min(next, expiresAt);
    return next;
  }

  #giveBack(error: RpcError): void {
    for (const call of [...this.#waiting]) if (this.#waiting.delete(call)) call.fail(error);
  }
}
