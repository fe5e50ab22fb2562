import type { CallContext, ClientOptions, ServeOptions } from "skein";
import type { Receipt } from "../ledger/records.ts";

export interface Work {
  readonly id: string;
  /** How long the handler waits, ms. */
  readonly ms: number;
  /** To make it large. */
  readonly pad?: string;
}

/** The ledger's service as callers see it. */
export interface LedgerApi {
  again(work: Work, ctx: CallContext): Promise<Receipt>;
  once(work: Work, ctx: CallContext): Promise<Receipt>;
  spin(work: { readonly id: string; readonly us: number }, ctx: CallContext): Promise<Receipt> | Receipt;
  urgent(work: { readonly id: string; readonly us: number }, ctx: CallContext): Promise<Receipt> | Receipt;
  few(work: Work, ctx: CallContext): Promise<Receipt>;
  held(work: Work, ctx: CallContext): Promise<Receipt>;
  items(work: Work & { readonly count: number }, ctx: CallContext): AsyncIterable<string>;
  hop(work: Work, ctx: CallContext): Promise<Receipt>;
}

/** In FAULTS_SERVICE, as JSON. */
export interface ServiceSettings {
  readonly name: string;
  /** File. */
  readonly ledger: string;
  /** What can be JSON of serve's options. */
  readonly serve?: ServeOptions | undefined;
  /** The service that `hop` asks. */
  readonly next?: string | undefined;
  /** What can be JSON of its client's options. */
  readonly client?: ClientOptions | undefined;
  /** How often its client tries again whatever failed, besides what its policy says. @default not at all */
  readonly naiveRetries?: number | undefined;
}

/** What it answers to `usage`, after a collection of garbage. */
export interface Usage {
  readonly kind: "usage";
  readonly heapBytes: number;
  /** Handlers of `held` that have not ended. */
  readonly holding: number;
}

/** What a service is told by its parent. */
export type Order =
  | { readonly kind: "block"; readonly ms: number }
  /** Handlers take so many times as long. */
  | { readonly kind: "slow"; readonly factor: number }
  /** So large a share of calls fails with INTERNAL. */
  | { readonly kind: "fail"; readonly share: number }
  | { readonly kind: "usage" };
