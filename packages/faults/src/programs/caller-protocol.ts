import type { ClientSessionOptions } from "@skein/core/internal";

/** In FAULTS_CALLER, as JSON. */
export interface CallerSettings {
  /** Of its session. */
  readonly limits?: ClientSessionOptions["limits"];
}

export interface LoadMix {
  readonly method: "spin" | "few";
  /** Of `spin` in µs, of `few` in ms. */
  readonly size: number;
  readonly timeoutMs: number;
  /** One in so many calls is `urgent`. */
  readonly urgentIn: number;
}

export interface Phase {
  /** Of its calls' ids. */
  readonly prefix: string;
  /** How long calls are made. */
  readonly ms: number;
  /** Calls are made at this rate; without it the next when one is answered, `inFlight` at a time. */
  readonly ratePerSecond?: number | undefined;
  readonly inFlight?: number | undefined;
}

export interface CallerOrder {
  /** Of the instance that is called. */
  readonly address: string;
  readonly mix: LoadMix;
  readonly phases: readonly Phase[];
  /** Where its records are written to, as JSON. */
  readonly file: string;
}

export interface CallerDone {
  readonly kind: "done";
  /** The share of the time in which its event loop had something to do, from 0 to 1. */
  readonly busy: number;
}
