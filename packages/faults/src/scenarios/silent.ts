import type { ClientOptions } from "skein";

const NEVER_MS = 1e8;

/** For controls: no PING, nobody is suspected or ejected, however silent. */
export const SILENT: NonNullable<ClientOptions["policy"]> = {
  liveness: { quietMs: NEVER_MS, suspectMs: NEVER_MS, silentMs: NEVER_MS, deadAfterMs: NEVER_MS },
  ejection: false,
};
