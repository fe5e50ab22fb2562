import type { Metadata } from "../context.ts";

/** What a caller may say of one call; of all calls of a service (`client.service(name, options)`); of all calls of a client. The nearest wins. */
export interface CallOptions {
  /** Time until the deadline, ms; the earlier of it and the surrounding call's deadline holds. @default 5000 for calls without streams, none for streams */
  readonly timeoutMs?: number | undefined;
  /** Cancels the call, here and at the other end. */
  readonly signal?: AbortSignal | undefined;
  /** Text pairs that travel with the call; added to those of service and client. */
  readonly metadata?: Metadata | undefined;
  /** The call may be executed twice. @default as the endpoint says */
  readonly idempotent?: boolean | undefined;
  /** For selectors that keep a key on an instance. */
  readonly key?: string | undefined;
  /** Instances of other versions are not asked: a semver range, or an exact version. */
  readonly version?: string | undefined;
  /** Wait, within the deadline, for an instance that can be called, instead of failing at once. @default false */
  readonly waitForReady?: boolean | undefined;
  /** False: no call is tried a second time. @default true */
  readonly retries?: boolean | undefined;
}

/** What a caller may say of all calls of a service: `client.service(name, options)`. */
export interface ServiceCallOptions extends CallOptions {
  /** How its instances are called when they are not ours: one of the client's `protocols`. @default Skein's own */
  readonly protocol?: string | undefined;
}
