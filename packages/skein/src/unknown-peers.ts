import type { Clock, Logger } from "@skein/core";

const EVERY_MS = 10_000;

/** For ListenOptions.onUnknown: at most a line each 10 s, saying how many there were in between. */
export function logUnknownPeers(logger: Logger, clock: Clock): (remote: string, first: Uint8Array) => void {
  let lastAt = Number.NEGATIVE_INFINITY;
  let unsaid = 0;
  return (remote, first) => {
    const now = clock.monotonic();
    if (now - lastAt < EVERY_MS) {
      unsaid++;
      return;
    }
    lastAt = now;
    logger.warn(
      {
        peer: remote,
        firstBytes: Buffer.from(first).toString("hex"),
        ...(unsaid > 0 && { othersSince: unsaid }),
      },
      "closing a connection that speaks no protocol served here",
    );
    unsaid = 0;
  };
}
