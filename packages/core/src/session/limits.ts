import { fillNumbers } from "../option-faults.ts";
import type { LivenessOptions, SessionLimits } from "./client-session-types.ts";

export const DEFAULT_LIMITS: SessionLimits = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxDepth: 64,
  maxValues: 500_000,
  maxCalls: 1000,
  maxUnsentBytes: 16 * 1024 * 1024,
  streamWindowBytes: 256 * 1024,
  helloMs: 1000,
};

export const DEFAULT_LIVENESS: LivenessOptions = {
  quietMs: 500,
  suspectMs: 1000,
  silentMs: 4000,
  deadAfterMs: 30_000,
  idlePingMs: 15_000,
};

/** More slots than stream ids have room for. */
const MOST_CALLS = 1 << 20;

/** Fills in defaults. Throws TypeError naming the field. */
export function resolveLimits(given: Partial<SessionLimits> | undefined): SessionLimits {
  const limits = fillNumbers("limits", DEFAULT_LIMITS, given);
  if (limits.maxCalls > MOST_CALLS)
    throw new TypeError(`limits.maxCalls is ${limits.maxCalls}: at most ${MOST_CALLS}`);
  return limits;
}

/** Fills in defaults. Throws TypeError naming the field. */
export function resolveLiveness(given: Partial<LivenessOptions> | undefined): LivenessOptions {
  return fillNumbers("liveness", DEFAULT_LIVENESS, given);
}
