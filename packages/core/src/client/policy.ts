import type { LivenessOptions } from "../session/client-session-types.ts";
import { DEFAULT_LIVENESS } from "../session/limits.ts";

/** Each field is there. */
export type Whole<T> = { readonly [K in keyof T]-?: Exclude<T[K], undefined> };

/** What follows when a try of a call has failed. Refused in favour of another instance: tried there at once, free. Else out of the budget. */
export interface RetryPolicy {
  /** First try included; 1: no retry at all. @default 3 */
  readonly maxTries?: number | undefined;
  /** Before a paid retry: at random between 0 and this, doubled with each try, ms (AWS's "full jitter"). @default 25 */
  readonly backoffMs?: number | undefined;
  /** And at most, ms. @default 1000 */
  readonly maxBackoffMs?: number | undefined;
}

/**
 * A second try of an idempotent call with one answer, at another instance, while the first goes on: the first answer wins, the other try is
 * cancelled ("The Tail at Scale", Dean and Barroso, 2013). Each is paid for out of the retry budget, and is never retried itself.
 */
export interface HedgePolicy {
  /** How long an answer is waited for: ms, or as 95 % of the method's calls take at the moment (then after 20 of them). @default "p95" */
  readonly afterMs?: number | "p95" | undefined;
  /** Second tries as a share of the method's calls. @default 0.05 */
  readonly maxExtra?: number | undefined;
}

/** What may be said of one method's calls; of all calls of a service; of all calls of a client. */
export interface CallPolicy {
  /**
   * Until the deadline, ms; the surrounding call's holds where it is earlier. Said of a service or a client it is for calls with one answer: streams have a
   * deadline only where their own method is named. @default what the endpoint says, else 5000
   */
  readonly timeoutMs?: number | undefined;
  /** Calls may be executed twice. @default what the endpoint says */
  readonly idempotent?: boolean | undefined;
  /** Wait, within the deadline, for an instance that can be called, instead of failing at once. @default false */
  readonly waitForReady?: boolean | undefined;
  /** False: no call is tried a second time, nor hedged. @default true */
  readonly retries?: boolean | RetryPolicy | undefined;
  /** @default false */
  readonly hedge?: boolean | HedgePolicy | undefined;
}

/** What all retries and hedges of a service may burden it with (Finagle's retry budget). */
export interface RetryBudgetPolicy {
  /** Retries as a share of the calls in the window. @default 0.1 */
  readonly ratio?: number | undefined;
  /** And so many a second besides, for services called rarely. @default 3 */
  readonly perSecond?: number | undefined;
  /** How long calls and retries count, ms. @default 10_000 */
  readonly windowMs?: number | undefined;
  /**
   * What is in flight on an instance that is lost is tried elsewhere although the budget is empty, once in a window for each instance: a client that
   * has just started has no budget yet. It adds no more than latency / window to the load. @default true
   */
  readonly losses?: boolean | undefined;
}

export interface ConnectPolicy {
  /** For connecting to an instance, HELLO included, ms. @default 1000 */
  readonly timeoutMs?: number | undefined;
  /** Before the next attempt: at random between 0 and this, doubled with each, ms. @default 100 */
  readonly backoffMs?: number | undefined;
  /** And at most, ms. @default 5000 */
  readonly maxBackoffMs?: number | undefined;
}

/** Of very many instances a client connects to some (gRPC's proposal A68). */
export interface SubsetPolicy {
  /** Sets up to this size are connected to as a whole. @default 100 */
  readonly above?: number | undefined;
  /** Of larger ones, so many. @default 20 */
  readonly size?: number | undefined;
}

/** Instances that fail are left alone for a while (Finagle's failure accrual, Envoy's outlier detection). */
export interface EjectionPolicy {
  /** So many failures in a row eject. @default 5 */
  readonly consecutive?: number | undefined;
  /** And so does a share of successes in the window below this one, 0 to 1. @default 0.8 */
  readonly successRate?: number | undefined;
  /** ms @default 30_000 */
  readonly windowMs?: number | undefined;
  /** Fewer calls in the window say nothing of the share. @default 5 */
  readonly minCalls?: number | undefined;
  /** For how long the first time, doubled each time after that, ms. @default 1000 */
  readonly backoffMs?: number | undefined;
  /** And at most, ms; after so long without, the next time is a first one again. @default 30_000 */
  readonly maxBackoffMs?: number | undefined;
  /** Of the connected instances at least this share stays, 0 to 1; with fewer left, nobody is out (panic). @default 0.5 */
  readonly minAvailable?: number | undefined;
}

/** Newcomers get their share little by little (Envoy's slow start). */
export interface SlowStartPolicy {
  /** How long it takes until a newcomer has its full share, ms. @default 10_000 */
  readonly windowMs?: number | undefined;
  /** The share of its share that it begins with, 0 to 1. @default 0.1 */
  readonly least?: number | undefined;
}

/** What may be said of a client and of a service. */
export interface TargetPolicy extends CallPolicy {
  readonly retryBudget?: RetryBudgetPolicy | undefined;
  readonly connect?: ConnectPolicy | undefined;
  /** When a silent instance is suspected, and when it is given up. */
  readonly liveness?: Partial<LivenessOptions> | undefined;
  /** False: all instances are connected to, however many. @default true */
  readonly subset?: boolean | SubsetPolicy | undefined;
  /** For the selectors of `skein`; a SelectorFactory of your own may ignore it. @default true */
  readonly ejection?: boolean | EjectionPolicy | undefined;
  /** For the selectors of `skein`; a SelectorFactory of your own may ignore it. @default true */
  readonly slowStart?: boolean | SlowStartPolicy | undefined;
}

/** Of one service: all that may be said of a client, and its methods. */
export interface ServicePolicy extends TargetPolicy {
  /** By name. */
  readonly methods?: Readonly<Record<string, CallPolicy>> | undefined;
}

/**
 * How calls are tried, retried and hedged, and instances connected to and kept away from: every knob. What is said nearer wins, field by field:
 * of a method, of its service, of the client. Nearer still are the options of a call and of `client.service(name, options)`; further away are the
 * client's own `timeoutMs`, `retries`, … and what the endpoint says of itself. Where a field takes an object or a boolean, `false` turns the
 * whole off, and `true` or an object turns it on, with what was said further away and the defaults for the rest.
 */
export interface Policy extends TargetPolicy {
  /** By name. */
  readonly services?: Readonly<Record<string, ServicePolicy>> | undefined;
}

export interface DefaultPolicy {
  readonly timeoutMs: number;
  readonly waitForReady: boolean;
  readonly retries: Whole<RetryPolicy>;
  readonly hedge: false;
  readonly retryBudget: Whole<RetryBudgetPolicy>;
  readonly connect: Whole<ConnectPolicy>;
  readonly liveness: LivenessOptions;
  readonly subset: Whole<SubsetPolicy>;
  readonly ejection: Whole<EjectionPolicy>;
  readonly slowStart: Whole<SlowStartPolicy>;
}

/** What holds where nothing is said. To be read, not to be given: given, its `timeoutMs` would win over the endpoints' own. */
export const DEFAULT_POLICY: DefaultPolicy = {
  timeoutMs: 5000,
  waitForReady: false,
  retries: { maxTries: 3, backoffMs: 25, maxBackoffMs: 1000 },
  hedge: false,
  retryBudget: { ratio: 0.1, perSecond: 3, windowMs: 10_000, losses: true },
  connect: { timeoutMs: 1000, backoffMs: 100, maxBackoffMs: 5000 },
  liveness: DEFAULT_LIVENESS,
  subset: { above: 100, size: 20 },
  ejection: {
    consecutive: 5,
    successRate: 0.8,
    windowMs: 30_000,
    minCalls: 5,
    backoffMs: 1000,
    maxBackoffMs: 30_000,
    minAvailable: 0.5,
  },
  slowStart: { windowMs: 10_000, least: 0.1 },
};

/** Of `hedge`, where it is on. */
export const DEFAULT_HEDGE: Whole<HedgePolicy> = { afterMs: "p95", maxExtra: 0.05 };
