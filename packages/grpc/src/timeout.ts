import { RpcError } from "@skein/core";
import { wholeMs } from "@skein/core/internal";

const UNITS: Readonly<Record<string, number>> = { n: 1e-6, u: 1e-3, m: 1, S: 1000, M: 60_000, H: 3_600_000 };
/** Node's timers hold no more. */
const MOST_MS = 2 ** 31 - 1;

/**
 * The header `grpc-timeout` in ms, at least 1. Undefined without one.
 * @throws RpcError INVALID_ARGUMENT
 */
export function parseTimeout(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,8})([numSMH])$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined)
    throw new RpcError(
      "INVALID_ARGUMENT",
      `grpc-timeout is ${JSON.stringify(text.slice(0, 40))}: give up to 8 digits and a unit of n, u, m, S, M or H, as in 1500m`,
      { executed: "no" },
    );
  return Math.min(Math.max(1, Math.ceil(Number(digits) * (UNITS[unit] as number))), MOST_MS);
}

/** Most digits that the header may have. */
const MOST_DIGITS = 99_999_999;

/** The header `grpc-timeout` for what is left, at least 1 ms; undefined for no deadline. */
export function formatTimeout(ms: number): string | undefined {
  if (ms === Number.POSITIVE_INFINITY) return undefined;
  const whole = wholeMs(ms);
  if (whole <= MOST_DIGITS) return `${whole}m`;
  const seconds = Math.ceil(whole / 1000);
  return seconds <= MOST_DIGITS ? `${seconds}S` : undefined;
}
