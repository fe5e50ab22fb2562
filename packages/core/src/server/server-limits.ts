import type { SessionLimits } from "../session/client-session-types.ts";
import { resolveLimits } from "../session/limits.ts";

/** What each connection of a server may do. */
export interface ServerLimits extends SessionLimits {
  /**
   * Calls a second that one connection may make, a second's worth of them at once; beyond, they are refused (`RESOURCE_EXHAUSTED`, not executed)
   * with when to come again. @default any number
   */
  readonly maxCallsPerSecond: number | undefined;
}

/** Fills in defaults. Throws TypeError naming the field. */
export function resolveServerLimits(given: Partial<ServerLimits> = {}): ServerLimits {
  const { maxCallsPerSecond, ...session } = given;
  if (maxCallsPerSecond !== undefined && !(Number.isFinite(maxCallsPerSecond) && maxCallsPerSecond > 0))
    throw new TypeError(
      `limits.maxCallsPerSecond is ${String(maxCallsPerSecond)}: give calls a second, above 0, or leave it out`,
    );
  return { ...resolveLimits(session), maxCallsPerSecond };
}
