import type { CallContext, Metadata } from "../context.ts";
import type { EndpointKind } from "../endpoint.ts";
import type { RpcError } from "../errors/rpc-error.ts";
import type { Invocation } from "../interceptor.ts";
import type { Clock } from "../runtime.ts";
import type { Candidate, Pick, PickRequest } from "../selector.ts";
import type { ClientSession } from "../session/client-session-types.ts";
import type { ItemQueue, ItemSource } from "../session/item-queue.ts";
import type { OutgoingCall, RemoteEndpoint } from "../session/outgoing-call.ts";
import { blame, callError, instanceFault, isAnswer } from "./call-errors.ts";
import type { Hedge, Hedged } from "./hedge.ts";
import type { Hedgeable } from "./hedging.ts";
import type { Method } from "./method.ts";
import { isNetworkDown } from "./network-down.ts";
import type { Waiter } from "./waiting-room.ts";

/** Where a call is sent, and what it asks for there. */
export interface CallRoad {
  readonly clock: Clock;
  /** The first try. */
  start(call: ClientCall): void;
  /** Its method is not known yet: it waits for an instance that tells. */
  park(call: ClientCall): void;
  /** Picks an instance and sends the call there, or lets it wait, or ends it. */
  send(call: ClientCall): void;
  /** No answer yet: a second try elsewhere. False: there cannot be one. */
  hedge(call: ClientCall, now: number): boolean;
  /** A try failed. True: the call goes on (or already has). */
  retry(call: ClientCall, error: RpcError, now: number): boolean;
  /** The call waits here and shall not any longer. */
  forget(call: ClientCall): void;
  /** For a call whose deadline passes while it waits: a sentence. */
  whyWaiting(call: ClientCall): string;
  /** It waited, and something has changed. */
  resume(call: ClientCall): void;
}

const NO_METADATA: Metadata = Object.freeze({});
const nothing = (): void => {};

/**
 * A call as the client holds it: the session's record, the selector's request and the interceptors' invocation in one object, so that
 * a call costs one. It ends exactly once; retries live in fail(), without a promise of their own.
 */
export class ClientCall implements OutgoingCall, PickRequest, Waiter, ItemSource, Hedgeable, Hedged {
  // What was asked for
  readonly road: CallRoad;
  readonly target: Method;
  readonly method: string;
  readonly began: number;
  input: unknown;
  metadata: Metadata | undefined = undefined;
  expiresAt = Number.POSITIVE_INFINITY;
  idempotent = false;
  waitForReady = false;
  retries = true;
  key: string | undefined = undefined;
  signal: AbortSignal | undefined = undefined;
  /** What its caller said; undefined leaves it to the endpoint. */
  ownTimeoutMs: number | undefined = undefined;
  ownIdempotent: boolean | undefined = undefined;
  /** The call that is being served. */
  parent: CallContext | undefined = undefined;
  parentExpiresAt = Number.POSITIVE_INFINITY;
  /** 1: a retry that was paid for, or inside of one: not retried again where the outcome is unknown. */
  attempt: 0 | 1 = 0;
  // How it fares
  /** When the last try was picked, clock.monotonic() ms. */
  now: number;
  tries = 0;
  /** Ids of instances that failed it. */
  exclude: Set<string> | undefined = undefined;
  /** How the last try failed, as the session said, and where. */
  lastError: RpcError | undefined = undefined;
  lastInstance: string | undefined = undefined;
  /** A try ended without anybody knowing whether it was executed. */
  mayHaveRun = false;
  begun = false;
  ended = false;
  /** Its method's kind is not known yet: what is to happen once it is. */
  parked: { proceed(): void } | undefined = undefined;
  /** Its second try, while that is in flight. */
  hedge: Hedge | undefined = undefined;
  pick: Pick<Candidate> | undefined = undefined;
  session: ClientSession | undefined = undefined;
  id = 0;
  inputTaken = false;
  items: ItemQueue | undefined = undefined;
  resolve: (value: unknown) => void = nothing;
  reject: (error: unknown) => void = nothing;
  #endpoint: RemoteEndpoint | undefined = undefined;
  #unlink: (() => void) | undefined = undefined;

  constructor(road: CallRoad, target: Method, input: unknown, now: number) {
    this.road = road;
    this.target = target;
    this.method = target.name;
    this.input = input;
    this.began = this.now = now;
  }

  get endpoint(): RemoteEndpoint {
    return this.#endpoint as RemoteEndpoint;
  }
  get streaming(): boolean {
    return this.target.streaming;
  }

  /** As interceptors see it. */
  get invocation(): Invocation {
    this.metadata ??= NO_METADATA;
    return this as unknown as Invocation;
  }
  get side(): "client" {
    return "client";
  }
  get service(): string {
    return this.target.service;
  }
  get kind(): EndpointKind {
    return this.target.info?.kind ?? "unary";
  }
  get context(): undefined {
    return undefined;
  }

  /** The same call anew: for interceptors that call `next` twice. */
  again(): ClientCall {
    const copy = new ClientCall(this.road, this.target, this.input, this.road.clock.monotonic());
    copy.metadata = this.metadata;
    copy.expiresAt = this.expiresAt;
    copy.idempotent = this.idempotent;
    copy.waitForReady = this.waitForReady;
    copy.retries = this.retries;
    copy.key = this.key;
    copy.signal = this.signal;
    copy.parent = this.parent;
    copy.parentExpiresAt = this.parentExpiresAt;
    copy.attempt = this.parent !== undefined && this.parent.attempt > 0 ? 1 : 0;
    return copy;
  }

  /** Follows its parent and its signal from now on. Returns why it may not start: they have ended. */
  link(): RpcError | undefined {
    const { parent, signal } = this;
    if (this.#unlink !== undefined || (parent === undefined && signal === undefined)) return undefined;
    if (parent?.aborted === true) return this.#parentEnded(parent);
    if (signal?.aborted === true) return this.#cancelled("cancelled by its signal", signal.reason);
    const stop = parent?.onAbort(() => this.cancel(this.#parentEnded(parent)));
    if (signal === undefined) {
      this.#unlink = stop;
      return undefined;
    }
    const onAbort = (): void => this.cancel(this.#cancelled("cancelled by its signal", signal.reason));
    signal.addEventListener("abort", onAbort);
    this.#unlink = () => {
      stop?.();
      signal.removeEventListener("abort", onAbort);
    };
    return undefined;
  }

  /** Nobody waits for it: its time is up, which is the same for both, or it was given up. */
  #parentEnded({ timeLeftMs, reason }: CallContext): RpcError {
    if (timeLeftMs > 0) return this.#cancelled("the call it belongs to has ended", reason);
    const text = `${this.service}.${this.method}: the time of the call it belongs to is up`;
    return callError("DEADLINE_EXCEEDED", text, this.target, this.#sent(), reason);
  }

  #cancelled(why: string, cause: unknown): RpcError {
    return callError("CANCELLED", `${this.service}.${this.method}: ${why}`, this.target, this.#sent(), cause);
  }

  #sent(): "maybe" | "no" {
    return this.session !== undefined || this.hedge !== undefined || this.mayHaveRun ? "maybe" : "no";
  }

  /** Its road has picked: the next try goes to `session`. */
  begin(pick: Pick<Candidate>, session: ClientSession, endpoint: RemoteEndpoint): void {
    this.pick = pick;
    this.session = session;
    this.#endpoint = endpoint;
    this.id = 0;
    this.tries++;
    if (this.tries === 1 && this.target.hedging !== undefined) this.target.hedging.watch(this);
    session.start(this);
  }

  // ---- told by the session

  finish(value: unknown, load: number): void {
    const now = this.road.clock.monotonic();
    const { pick } = this;
    if (pick !== undefined) {
      this.pick = undefined;
      pick.done(this.now, now, false, load);
    }
    if (this.ended) return;
    this.#over(now, false);
    this.target.hedging?.took(now - this.now);
    this.resolve(value);
  }

  fail(error: RpcError): void {
    const now = this.road.clock.monotonic();
    const instance = this.pick?.candidate.instance.id;
    const nobodys = isNetworkDown(error);
    this.#leave(now, nobodys || this.#sentLate(error, now) ? undefined : instanceFault(error));
    if (this.ended) return;
    this.lastError = error;
    if (error.executed === "maybe") this.mayHaveRun = true;
    if (instance !== undefined) {
      this.lastInstance = instance;
      if (!nobodys) this.#avoid(instance);
    }
    if (this.hedge !== undefined && !isAnswer(error) && now < this.expiresAt) return;
    if (!this.road.retry(this, error, now)) this.end(error);
  }

  /** It has used up most of its time before it was sent: that the rest was not enough says nothing of the instance. */
  #sentLate({ code }: RpcError, now: number): boolean {
    return code === "DEADLINE_EXCEEDED" && now - this.now < (this.expiresAt - this.began) / 2;
  }

  #avoid(instance: string): void {
    this.exclude ??= new Set();
    this.exclude.add(instance);
  }

  /** The try is over. */
  #leave(now: number, failed: boolean | undefined): void {
    const { pick } = this;
    this.session = undefined;
    this.pick = undefined;
    pick?.done(this.now, now, failed, 0);
  }

  // ---- told by its second try, and by who decides on it

  hedgeNow(now: number): boolean {
    return this.road.hedge(this, now);
  }

  hedgeFinished(value: unknown, now: number): void {
    this.hedge = undefined;
    if (this.ended) return;
    this.#takeBack(now);
    this.finish(value, 0);
  }

  /** The first try goes on; or it has failed, and that is how the call fares. */
  hedgeFailed(error: RpcError, instance: string, now: number): void {
    this.hedge = undefined;
    if (this.ended) return;
    if (!isNetworkDown(error)) this.#avoid(instance);
    if (error.executed !== "no") {
      this.mayHaveRun = true;
      // It was the retry that is paid for: there is no second one.
      this.attempt = 1;
    }
    if (isAnswer(error)) {
      this.#takeBack(now);
      this.lastError = error;
      this.lastInstance = instance;
      return this.end(error);
    }
    const first = this.lastError;
    if (this.session !== undefined || first === undefined) return;
    if (!this.road.retry(this, first, now)) this.end(first);
  }

  /** The first try is not needed any more. */
  #takeBack(now: number): void {
    this.session?.cancel(this);
    this.#leave(now, undefined);
  }

  // ---- told by the waiting room

  resume(): void {
    this.road.resume(this);
  }
  expire(): void {
    this.end(callError("DEADLINE_EXCEEDED", this.road.whyWaiting(this), this.target, this.#sent()));
  }

  // ---- told by the client

  /** Its instance is suspected: the try is taken back, as if it had failed, so that it can be made elsewhere. */
  withdraw(error: RpcError): void {
    this.session?.cancel(this);
    this.fail(error);
  }

  /** Ends it with an error now, wherever it is. Idempotent. */
  cancel(error: RpcError): void {
    if (this.ended) return;
    this.#stop();
    this.end(error);
  }

  #stop(): void {
    if (this.session === undefined) return this.road.forget(this);
    this.#takeBack(this.road.clock.monotonic());
  }

  // ---- told by the reader of its items

  consumed(): void {}

  /** The reader has gone: told by the session, which has cancelled it, or by the queue while it waits. */
  abandoned(): void {
    if (this.ended) return;
    this.#stop();
    this.#over(this.road.clock.monotonic(), false);
  }

  /** Ends it with an error; it is nowhere any more. */
  end(error: RpcError): void {
    if (this.ended) return;
    if (this.hedge !== undefined) this.mayHaveRun = true;
    this.#over(this.road.clock.monotonic(), true);
    const final =
      error === this.lastError ? blame(error, this.target, this.lastInstance, this.mayHaveRun) : error;
    if (this.items === undefined) this.reject(final);
    else this.items.fail(final);
  }

  #over(now: number, failed: boolean): void {
    this.ended = true;
    if (this.begun) this.target.stats.finished(now - this.began, failed);
    this.target.hedging?.forget(this);
    if (this.hedge !== undefined) {
      this.hedge.drop();
      this.hedge = undefined;
    }
    if (this.#unlink !== undefined) {
      this.#unlink();
      this.#unlink = undefined;
    }
  }
}
