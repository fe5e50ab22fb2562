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
    const hint = hintOf(first);
    logger.warn(
      {
        peer: remote,
        firstBytes: Buffer.from(first).toString("hex"),
        ...(unsaid > 0 && { othersSince: unsaid }),
        ...(hint !== undefined && { hint }),
      },
      "closing a connection that speaks no protocol served here",
    );
    unsaid = 0;
  };
}

/** The type `Request` in gob's first message, whatever its length and its id; and how rpc.DialHTTP begins. */
const GOB = "\x03\x01\x01\x07Request";
const GOB_OVER_HTTP = "CONNECT /_goRPC_";

/** For those whose peer can be told by its first bytes. */
function hintOf(first: Uint8Array): string | undefined {
  const text = Buffer.from(first).toString("latin1");
  return text.includes(GOB) || text.startsWith(GOB_OVER_HTTP)
    ? 'it is a Go net/rpc client that speaks gob: let it dial with jsonrpc.Dial (net/rpc/jsonrpc), and serve with doors: ["jsonrpc"]'
    : undefined;
}
