import type { CallContext, Metadata } from "../context.ts";
import type { EndpointKind } from "../endpoint.ts";
import type { Invocation } from "../interceptor.ts";
import { META, RETRY, TRACE } from "../protocol/frame.ts";
import { decodeMetadata, readTrace } from "../protocol/metadata.ts";
import type { Logger } from "../runtime.ts";
import type { InStream } from "../session/in-stream.ts";
import type { ItemPump } from "../session/item-pump.ts";
import type { Job } from "./admission-queue.ts";
import type { Claimant } from "./fair-share.ts";

/** Who holds the call: its session. */
export interface CallOwner extends Claimant {
  readonly remote: string;
  readonly instance: string;
}
/** What a call knows of its endpoint. */
export interface CalledEndpoint {
  readonly service: string;
  readonly name: string;
  readonly kind: EndpointKind;
  /** Index into PRIORITIES. */
  readonly rank: number;
}
/** What a call asks of the server while it runs. */
export interface CallHost {
  readonly logger: Logger;
  monotonic(): number;
  /** Abort the call when its deadline passes. */
  watchDeadline(call: ServerCall): void;
  isDraining(call: ServerCall): boolean;
  watchDrain(callback: () => void): () => void;
}

/** What handlers and callers are told. */
export const DEADLINE_PASSED = "the deadline passed";

const NO_METADATA: Metadata = Object.freeze(Object.create(null) as Record<string, string>);

/**
 * A call as the server holds it: the queue's job, the interceptors' invocation and the handler's context in one object, so that a call
 * costs one. What is not asked for is not made.
 */
export class ServerCall<E extends CalledEndpoint = CalledEndpoint> implements Job, Invocation {
  readonly side = "server";
  readonly id: number;
  readonly owner: CallOwner;
  readonly endpoint: E;
  readonly priority: number;
  readonly arrivedAt: number;
  /** Not a number from the start: a number of its own would cost each call an allocation. */
  queuedAt: number | undefined = undefined;
  /** monotonic ms; Infinity without a deadline */
  readonly expiresAt: number;
  input: unknown;
  /** The caller has gone or was answered: nothing is sent any more. */
  over = false;
  /** The handler was entered. */
  started = false;
  inStream: InStream | undefined;
  pump: ItemPump | undefined;
  watched = false;
  released = false;
  /** It was told that its deadline passed: whatever it gives now, its caller is told the same. */
  late = false;
  readonly #host: CallHost;
  readonly #flags: number;
  readonly #metaBytes: Uint8Array | undefined;
  #metadata: Metadata | undefined;
  #cancelled = false;
  #reason: unknown;
  #callbacks: Set<(reason: unknown) => void> | undefined;
  #drainCallbacks: (() => void)[] | undefined;
  #controller: AbortController | undefined;
  #log: Logger | undefined;

  constructor(
    host: CallHost,
    owner: CallOwner,
    endpoint: E,
    id: number,
    arrivedAt: number,
    timeLeft: number,
    flags: number,
    metaBytes: Uint8Array | undefined,
  ) {
    this.#host = host;
    this.owner = owner;
    this.endpoint = endpoint;
    this.id = id;
    this.priority = endpoint.rank;
    this.arrivedAt = arrivedAt;
    this.expiresAt = arrivedAt + timeLeft;
    this.#flags = flags;
    this.#metaBytes = metaBytes;
  }

  get context(): CallContext {
    return this as unknown as CallContext;
  }
  get service(): string {
    return this.endpoint.service;
  }
  get method(): string {
    return this.endpoint.name;
  }
  get kind(): EndpointKind {
    return this.endpoint.kind;
  }
  get instance(): string {
    return this.owner.instance;
  }
  get peer(): string {
    return this.owner.remote;
  }
  get attempt(): number {
    return (this.#flags & RETRY) === 0 ? 0 : 1;
  }

  get metadata(): Metadata {
    if (this.#metadata === undefined)
      this.#metadata =
        this.#metaBytes === undefined
          ? NO_METADATA
          : decodeMetadata(this.#metaBytes, this.#flags & (TRACE | META));
    return this.#metadata;
  }
  set metadata(metadata: Metadata) {
    this.#metadata = metadata;
  }

  get traceparent(): string | undefined {
    if (this.#metadata !== undefined || this.#metaBytes === undefined || (this.#flags & TRACE) === 0)
      return this.metadata.traceparent;
    return readTrace(this.#metaBytes);
  }

  get timeLeftMs(): number {
    const left = this.expiresAt - this.#host.monotonic();
    if (left > 0) return left;
    this.expire();
    return 0;
  }

  get aborted(): boolean {
    if (!this.#cancelled && this.expiresAt <= this.#host.monotonic()) this.expire();
    return this.#cancelled;
  }

  get reason(): unknown {
    return this.#reason;
  }

  onAbort(callback: (reason: unknown) => void): () => void {
    if (this.aborted) {
      callback(this.#reason);
      return nothing;
    }
    this.#callbacks ??= new Set();
    this.#callbacks.add(callback);
    this.#watch();
    return () => void this.#callbacks?.delete(callback);
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.aborted) this.#controller.abort(this.#reason);
      else this.#watch();
    }
    return this.#controller.signal;
  }

  #watch(): void {
    if (this.watched || this.expiresAt === Number.POSITIVE_INFINITY) return;
    this.watched = true;
    this.#host.watchDeadline(this);
  }

  get draining(): boolean {
    return this.#host.isDraining(this);
  }

  onDraining(callback: () => void): () => void {
    if (this.draining) {
      callback();
      return nothing;
    }
    const stop = this.#host.watchDrain(callback);
    this.#drainCallbacks ??= [];
    this.#drainCallbacks.push(stop);
    return stop;
  }

  get log(): Logger {
    this.#log ??= this.#host.logger.child({
      service: this.service,
      method: this.method,
      traceparent: this.traceparent,
    });
    return this.#log;
  }

  /** Tells that the deadline passed. */
  expire(): void {
    if (this.#cancelled) return;
    this.late = true;
    this.abort(new Error(DEADLINE_PASSED));
  }

  /** Tells whoever asked to be told. Idempotent. */
  abort(reason: unknown): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    const callbacks = this.#callbacks;
    this.#callbacks = undefined;
    if (callbacks === undefined) return;
    for (const callback of callbacks) {
      try {
        callback(reason);
      } catch (error) {
        this.#host.logger.error(
          { err: error, service: this.service, method: this.method },
          "an onAbort callback threw",
        );
      }
    }
  }

  /** The handler has ended: whatever was watched is let go. */
  release(): void {
    this.#callbacks = undefined;
    if (this.#drainCallbacks === undefined) return;
    for (const stop of this.#drainCallbacks) stop();
    this.#drainCallbacks = undefined;
  }
}

function nothing(): void {}
