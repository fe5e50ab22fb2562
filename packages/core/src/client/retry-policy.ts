import type { RpcError } from "../errors/rpc-error.ts";
import { fullJitter } from "./backoff.ts";
import { isNetworkDown } from "./network-down.ts";
import type { RetryBudget } from "./retry-budget.ts";

/** What the policy must know of a call one of whose tries has just failed. */
export interface FailedCall {
  /** That were made, this one included. */
  readonly tries: number;
  /** 1: it is a retry that was paid for, or it runs inside of one. */
  readonly attempt: 0 | 1;
  readonly idempotent: boolean;
  /** Items go in or out. */
  readonly streaming: boolean;
  /** An item was asked of its input. */
  readonly inputTaken: boolean;
  /** That failed it. */
  readonly lastInstance: string | undefined;
  /** clock.monotonic() ms */
  readonly expiresAt: number;
}

/** How a retry is had: not at all, for nothing, for nothing once the network is back, or out of the budget. */
export type RetryKind = "none" | "free" | "later" | "paid";

/**
 * What may follow a failed try, going by what the session said of it:
 * refused in favour of another instance (`no`, `elsewhere`): free, up to `maxTries`, the first included;
 * overloaded (`no`, after so many ms): paid;
 * the network between us and the instance is down: once it is back, or at one that is still there, and the budget is not asked: most often all are away
 * together, nobody is burdened meanwhile, and no instance with more than it had in flight;
 * outcome unknown (`maybe`): paid, if the endpoint is idempotent; streams never;
 * anything else, and a paid retry itself: none.
 */
export function retryKind(call: FailedCall, error: RpcError, now: number, maxTries: number): RetryKind {
  if (call.tries >= maxTries || now >= call.expiresAt || call.inputTaken) return "none";
  const repeatable = call.idempotent && !call.streaming;
  if (isNetworkDown(error)) return error.executed === "no" || repeatable ? "later" : "none";
  if (error.executed === "no") {
    if (error.retry === "elsewhere") return "free";
    return typeof error.retry === "number" && call.attempt === 0 ? "paid" : "none";
  }
  const unknown = error.executed === "maybe" && error.code === "UNAVAILABLE";
  return unknown && repeatable && call.attempt === 0 ? "paid" : "none";
}

/** Pays, and says after how many ms to try again; undefined: no budget, or no time left. */
export function payRetry(
  call: FailedCall,
  error: RpcError,
  now: number,
  { backoffMs, maxBackoffMs }: { readonly backoffMs: number; readonly maxBackoffMs: number },
  budget: RetryBudget,
  random: () => number,
): number | undefined {
  const asked = typeof error.retry === "number" ? error.retry : 0;
  const delay = asked + fullJitter(random, backoffMs, maxBackoffMs, call.tries - 1);
  const lost = error.executed === "maybe" ? call.lastInstance : undefined;
  return now + delay < call.expiresAt && budget.withdraw(now, lost) ? delay : undefined;
}
