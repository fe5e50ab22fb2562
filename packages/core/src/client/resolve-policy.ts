import type { LivenessOptions } from "../session/client-session-types.ts";
import {
  type CallPolicy,
  type ConnectPolicy,
  DEFAULT_HEDGE,
  DEFAULT_POLICY,
  type EjectionPolicy,
  type HedgePolicy,
  type Policy,
  type RetryBudgetPolicy,
  type RetryPolicy,
  type ServicePolicy,
  type SlowStartPolicy,
  type SubsetPolicy,
  type Whole,
} from "./policy.ts";

/** What holds for a method's calls, where neither they nor their service's proxy say otherwise. */
export interface MethodPolicy {
  /** For calls with one answer; undefined: as the endpoint says, else the default. */
  readonly timeoutMs: number | undefined;
  /** For streams; undefined: as the endpoint says, else none. */
  readonly streamTimeoutMs: number | undefined;
  /** Undefined: as the endpoint says. */
  readonly idempotent: boolean | undefined;
  readonly waitForReady: boolean;
  /** Whether calls are tried again. */
  readonly retries: boolean;
  readonly retry: Whole<RetryPolicy>;
  /** Undefined: calls are not hedged. */
  readonly hedge: Whole<HedgePolicy> | undefined;
}

/** What selectors are told: undefined turns it off. */
export interface SelectionPolicy {
  readonly ejection: Whole<EjectionPolicy> | undefined;
  readonly slowStart: Whole<SlowStartPolicy> | undefined;
}

/** What holds for a service: all filled in. */
export interface ResolvedPolicy {
  readonly retryBudget: Whole<RetryBudgetPolicy>;
  readonly connect: Whole<ConnectPolicy>;
  readonly liveness: LivenessOptions;
  /** Undefined: all instances are connected to. */
  readonly subset: Whole<SubsetPolicy> | undefined;
  readonly selection: SelectionPolicy;
  method(name: string): MethodPolicy;
}

/** The client's own options for all calls, which every policy goes before. */
export type CallBasis = Pick<CallPolicy, "timeoutMs" | "idempotent" | "waitForReady"> & {
  readonly retries?: boolean | undefined;
};

/** What holds for one service. The policy was checked. */
export function resolvePolicy(policy: Policy, basis: CallBasis, service: string): ResolvedPolicy {
  const own: ServicePolicy = named(policy.services, service) ?? {};
  const d = DEFAULT_POLICY;
  return {
    retryBudget: filled(d.retryBudget, [policy.retryBudget, own.retryBudget]),
    connect: filled(d.connect, [policy.connect, own.connect]),
    liveness: filled(d.liveness, [policy.liveness, own.liveness]),
    subset: switched(d.subset, [policy.subset, own.subset]),
    selection: {
      ejection: switched(d.ejection, [policy.ejection, own.ejection]),
      slowStart: switched(d.slowStart, [policy.slowStart, own.slowStart]),
    },
    method: (name) => methodPolicy([basis, policy, own, named(own.methods, name) ?? {}]),
  };
}

/** @param levels the nearest last: the client's options, its policy, the service's, the method's */
function methodPolicy(levels: readonly [CallPolicy, CallPolicy, CallPolicy, CallPolicy]): MethodPolicy {
  const retries = levels.map((level) => level.retries);
  const hedge = levels.map((level) => level.hedge);
  return {
    timeoutMs: nearest(levels, "timeoutMs"),
    streamTimeoutMs: levels[3].timeoutMs,
    idempotent: nearest(levels, "idempotent"),
    waitForReady: nearest(levels, "waitForReady") ?? DEFAULT_POLICY.waitForReady,
    retries: switched(DEFAULT_POLICY.retries, retries) !== undefined,
    retry: filled(DEFAULT_POLICY.retries, retries),
    hedge: switched(DEFAULT_HEDGE, [DEFAULT_POLICY.hedge, ...hedge]),
  };
}

/** Not what every object has: `toString` is no service of ours. */
function named<T>(all: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return all !== undefined && Object.hasOwn(all, name) ? all[name] : undefined;
}

function nearest<K extends keyof CallPolicy>(levels: readonly CallPolicy[], field: K): CallPolicy[K] {
  return levels.findLast((level) => level[field] !== undefined)?.[field];
}

type Part<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Field by field what is said last. */
function filled<T extends object>(defaults: T, parts: readonly (Part<T> | boolean | undefined)[]): T {
  const out: T = { ...defaults };
  for (const part of parts) {
    if (typeof part !== "object") continue;
    for (const key of Object.keys(part) as (keyof T)[])
      if (part[key] !== undefined) out[key] = part[key] as T[keyof T];
  }
  return out;
}

/** The same, of what can be off: undefined. */
function switched<T extends object>(
  defaults: T,
  parts: readonly (Part<T> | boolean | undefined)[],
): T | undefined {
  return parts.findLast((part) => part !== undefined) === false ? undefined : filled(defaults, parts);
}
