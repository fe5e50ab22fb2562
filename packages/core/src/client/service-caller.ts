import type { CallContext, Metadata } from "../context.ts";
import type { Next } from "../interceptor.ts";
import type { ContextStore } from "../runtime.ts";
import type { CallOptions } from "../types/call-options.ts";
import { callError } from "./call-errors.ts";
import { type CallObject, rejectedObject, streamObject } from "./call-object.ts";
import { startStream, startUnary } from "./call-start.ts";
import { ClientCall } from "./client-call.ts";
import type { CallDefaults } from "./client-options.ts";
import type { Method } from "./method.ts";
import { ParkedCall, type ParkedRoad } from "./parked-call.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import type { Target } from "./target.ts";

/** What all services of a client share. */
export interface CallerHost {
  readonly store: ContextStore<CallContext> | undefined;
  /** Interceptors composed around send(); undefined without any. */
  readonly chain: Next | undefined;
  readonly defaults: CallDefaults;
}

/** The road from a proxy's method to a call on its way: options, deadline, interceptors. One a proxy. */
export class ServiceCaller implements ParkedRoad {
  readonly #host: CallerHost;
  readonly #target: Target;
  readonly #versions: (version: string) => Target;
  readonly #own: Required<CallOptions>;

  constructor(host: CallerHost, target: Target, versions: (version: string) => Target, own: CallOptions) {
    const { defaults } = host;
    this.#host = host;
    this.#target = target;
    this.#versions = versions;
    this.#own = {
      timeoutMs: own.timeoutMs,
      signal: own.signal,
      metadata: merge(defaults.metadata, own.metadata),
      idempotent: own.idempotent,
      key: own.key,
      version: own.version ?? defaults.version,
      waitForReady: own.waitForReady,
      retries: own.retries,
    };
  }

  method(name: string): Method {
    return this.#target.method(name);
  }

  call(method: Method, input: unknown, options: CallOptions | undefined): CallObject {
    try {
      const call = this.#prepare(method, input, options);
      const { target } = call;
      if (target.info === undefined) return this.#park(call);
      if (target.givesStream) return streamObject(target, () => this.open(call));
      const object = this.launch(call) as CallObject;
      object[Symbol.asyncIterator] = target.refuseIteration;
      return object;
    } catch (error) {
      // Options that are wrong, or an interceptor that threw.
      return rejectedObject(error, method.info === undefined || method.givesStream);
    }
  }

  #prepare(method: Method, input: unknown, options: CallOptions | undefined): ClientCall {
    let target = this.#target;
    let known = method;
    if (options?.version !== undefined) {
      target = this.#targetOf(options.version, method);
      known = target.method(method.name);
    }
    const now = target.clock.monotonic();
    const call = new ClientCall(target, known, input, now);
    const own = this.#own;
    const { policy } = known;
    call.ownTimeoutMs = own.timeoutMs;
    call.ownIdempotent = own.idempotent;
    call.metadata = own.metadata;
    call.signal = own.signal;
    call.key = own.key;
    call.waitForReady = own.waitForReady ?? policy.waitForReady;
    call.retries = own.retries ?? policy.retries;
    if (options !== undefined) apply(call, options);
    const parent = this.#host.store?.get();
    if (parent !== undefined) inherit(call, parent, now);
    this.adopt(call);
    return call;
  }

  #targetOf(version: string, method: Method): Target {
    try {
      return this.#versions(version);
    } catch (error) {
      throw callError("INVALID_ARGUMENT", (error as Error).message, method);
    }
  }

  /** Sets what depends on the endpoint, as far as it is known. */
  adopt(call: ClientCall): void {
    const { info, streaming, policy } = call.target;
    const timeoutMs = streaming
      ? (call.ownTimeoutMs ?? policy.streamTimeoutMs ?? info?.timeoutMs ?? Number.POSITIVE_INFINITY)
      : (call.ownTimeoutMs ?? policy.timeoutMs ?? info?.timeoutMs ?? DEFAULT_POLICY.timeoutMs);
    const expiresAt = call.began + timeoutMs;
    call.expiresAt = Math.min(expiresAt, call.parentExpiresAt);
    call.idempotent = call.ownIdempotent ?? policy.idempotent ?? info?.idempotent ?? false;
  }

  #park(call: ClientCall): CallObject {
    const parked = new ParkedCall(call, this);
    const refused = call.link();
    if (refused === undefined) call.road.park(call);
    else call.end(refused);
    return parked.object;
  }

  // ---- the kind is known

  /** Sends a call that gives one answer. */
  launch(call: ClientCall): Promise<unknown> {
    const { chain } = this.#host;
    return chain === undefined ? startUnary(call) : Promise.resolve(chain(call.invocation));
  }

  /** Sends a call that gives items. */
  open(call: ClientCall): AsyncIterator<unknown> {
    const { chain } = this.#host;
    const items =
      chain === undefined ? startStream(call) : (chain(call.invocation) as AsyncIterable<unknown>);
    return items[Symbol.asyncIterator]();
  }
}

function apply(call: ClientCall, options: CallOptions): void {
  const { timeoutMs, idempotent, metadata, waitForReady, retries, signal, key } = options;
  if (timeoutMs !== undefined) {
    if (typeof timeoutMs !== "number" || Number.isNaN(timeoutMs))
      throw callError(
        "INVALID_ARGUMENT",
        `timeoutMs is ${String(timeoutMs)}: give milliseconds`,
        call.target,
      );
    call.ownTimeoutMs = timeoutMs;
  }
  if (idempotent !== undefined) call.ownIdempotent = idempotent;
  if (metadata !== undefined) call.metadata = merge(call.metadata, metadata);
  if (waitForReady !== undefined) call.waitForReady = waitForReady;
  if (retries !== undefined) call.retries = retries;
  if (signal !== undefined) call.signal = signal;
  if (key === undefined) return;
  if (typeof key !== "string")
    throw callError("INVALID_ARGUMENT", `key is ${String(key)}: give a string`, call.target);
  call.key = key;
}

/** Deadline, cancellation, trace, and whether it is inside of a retry: from the call that is being served. */
function inherit(call: ClientCall, parent: CallContext, now: number): void {
  call.parent = parent;
  call.parentExpiresAt = now + parent.timeLeftMs;
  if (parent.attempt > 0) call.attempt = 1;
  const { traceparent } = parent;
  if (traceparent !== undefined && call.metadata?.traceparent === undefined)
    call.metadata = { ...call.metadata, traceparent };
}

function merge(base: Metadata | undefined, own: Metadata | undefined): Metadata | undefined {
  return base === undefined ? own : own === undefined ? base : { ...base, ...own };
}
