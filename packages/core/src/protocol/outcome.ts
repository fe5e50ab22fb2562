import { CODES, type Code, type Executed, type RetryAdvice } from "../errors/rpc-error.ts";
import { ProtocolError } from "./frame.ts";

/**
 * How ERROR says, in its header, what happened: `method` is the code's number; `last` holds executed (bits 0-1: no, maybe, yes),
 * retry (bits 2-3: none, elsewhere, after) and, for `after`, milliseconds (bits 4-31). Refusals need no payload.
 */
const EXECUTED: readonly Executed[] = ["no", "maybe", "yes"];
const MAX_AFTER_MS = 0x0fffffff;

const CODE_NUMBERS = new Map<string, number>(CODES.map((code, number) => [code, number]));

export function codeNumber(code: Code): number {
  return CODE_NUMBERS.get(code) ?? 2;
}

/** Throws ProtocolError for a number that stands for no error. */
export function codeOf(number: number): Code {
  const code = CODES[number];
  if (code === undefined || code === "OK") throw new ProtocolError(`ERROR with code ${number}`);
  return code;
}

export function encodeOutcome(executed: Executed, retry: RetryAdvice): number {
  const run = executed === "no" ? 0 : executed === "maybe" ? 1 : 2;
  if (retry === "none") return run;
  if (retry === "elsewhere") return run | (1 << 2);
  return run | (2 << 2) | (Math.min(MAX_AFTER_MS, Math.max(0, Math.ceil(retry))) << 4);
}

export function decodeExecuted(wire: number): Executed {
  const executed = EXECUTED[wire & 3];
  if (executed === undefined) throw new ProtocolError("ERROR with executed 3");
  return executed;
}

export function decodeRetry(wire: number): RetryAdvice {
  switch ((wire >>> 2) & 3) {
    case 0:
      return "none";
    case 1:
      return "elsewhere";
    case 2:
      return wire >>> 4;
    default:
      throw new ProtocolError("ERROR with retry 3");
  }
}
