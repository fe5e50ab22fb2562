import type { Metadata } from "../context.ts";
import { RpcError } from "../errors/rpc-error.ts";
import type { Clock } from "../runtime.ts";
import type { Candidate, Pick, PickRequest } from "../selector.ts";
import type { ClientSession } from "../session/client-session-types.ts";
import type { OutgoingCall, RemoteEndpoint } from "../session/outgoing-call.ts";
import { instanceFault } from "./call-errors.ts";

/** What a call and its second try have to do with each other. */
export interface Hedged extends Omit<PickRequest, "exclude" | "now"> {
  readonly road: { readonly clock: Clock };
  readonly input: unknown;
  readonly metadata: Metadata | undefined;
  readonly expiresAt: number;
  hedgeFinished(value: unknown, now: number): void;
  hedgeFailed(error: RpcError, instance: string, now: number): void;
}

/** A second try of a call that is in flight, at another instance. It tells the call how it ended, and is never tried again itself. */
export class Hedge implements OutgoingCall, PickRequest {
  readonly call: Hedged;
  readonly method: string;
  readonly key: string | undefined;
  readonly exclude: ReadonlySet<string>;
  readonly now: number;
  readonly input: unknown;
  readonly metadata: Metadata | undefined;
  readonly expiresAt: number;
  readonly attempt = 1;
  readonly items = undefined;
  id = 0;
  inputTaken = false;
  #pick: Pick<Candidate> | undefined = undefined;
  #session: ClientSession | undefined = undefined;
  #endpoint: RemoteEndpoint | undefined = undefined;

  constructor(call: Hedged, exclude: ReadonlySet<string>, now: number) {
    this.call = call;
    this.method = call.method;
    this.key = call.key;
    this.exclude = exclude;
    this.now = now;
    this.input = call.input;
    this.metadata = call.metadata;
    this.expiresAt = call.expiresAt;
  }

  get endpoint(): RemoteEndpoint {
    return this.#endpoint as RemoteEndpoint;
  }

  begin(pick: Pick<Candidate>, session: ClientSession, endpoint: RemoteEndpoint): void {
    this.#pick = pick;
    this.#session = session;
    this.#endpoint = endpoint;
    session.start(this);
  }

  // ---- told by the session

  finish(value: unknown, load: number): void {
    const now = this.call.road.clock.monotonic();
    this.#leave(now, false, load);
    this.call.hedgeFinished(value, now);
  }

  fail(error: RpcError): void {
    const now = this.call.road.clock.monotonic();
    const instance = this.#pick?.candidate.instance.id ?? "";
    this.#leave(now, instanceFault(error), 0);
    this.call.hedgeFailed(error, instance, now);
  }

  abandoned(): void {}

  /** Its instance is suspected. */
  rescue(executed: "maybe" | "no"): void {
    this.#session?.cancel(this);
    this.fail(new RpcError("UNAVAILABLE", "the instance does not answer", { executed }));
  }

  /** The call has ended: it is cancelled, if it still is in flight. */
  drop(): void {
    if (this.#pick === undefined) return;
    this.#session?.cancel(this);
    this.#leave(this.call.road.clock.monotonic(), undefined, 0);
  }

  #leave(now: number, failed: boolean | undefined, load: number): void {
    const pick = this.#pick;
    this.#pick = undefined;
    pick?.done(this.now, now, failed, load);
  }
}
