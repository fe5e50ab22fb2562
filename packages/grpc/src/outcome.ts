import type { Executed, RetryAdvice, RpcError } from "@skein/core";

/**
 * The trailer in which our door tells our client what gRPC has no words for. Unlike the status's details it is of this hop alone: nobody hands a
 * trailer on with an error.
 */
export const SKEIN_OUTCOME = "skein-outcome";

export interface Outcome {
  readonly executed: Executed;
  readonly retry: RetryAdvice;
}

/** `no, elsewhere`, `no, 250`, `yes, none`. */
export function writeOutcome({ executed, retry }: RpcError): string {
  return `${executed}, ${retry}`;
}

/** Undefined where it is not told, or is none. */
export function readOutcome(text: unknown): Outcome | undefined {
  const [, executed, retry] = /^(no|maybe|yes), (none|elsewhere|\d{1,9})$/.exec(String(text)) ?? [];
  if (executed === undefined || retry === undefined) return undefined;
  const advice = retry === "none" || retry === "elsewhere" ? retry : Number(retry);
  return { executed: executed as Executed, retry: advice };
}
