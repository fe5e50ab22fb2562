import type { Logger, Runtime, Timer, Transport } from "@skein/core";
import { Hub } from "./hub.ts";
import { AWAY_MS, DEFAULT_MAX_FRAME_BYTES } from "./limits.ts";
import { connectNats } from "./nats-client.ts";
import { parseNatsUrl } from "./nats-url.ts";
import { SCHEME } from "./subjects.ts";

export interface NatsTransportOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** @default 4 MiB and room for metadata */
  readonly maxFrameBytes?: number | undefined;
}

/**
 * Connections over a NATS server: the session protocol in messages, between a subject of each instance and one inbox of each process. Addresses:
 * `nats://subject`; listening at `nats://` chooses a subject of its own. Throws INVALID_ARGUMENT, naming the part of the URL that is wrong.
 * The server is connected to with the first dial or listener, again for ever when it is lost, and left once nothing uses it.
 *
 * @param url `nats://user:password@a:4222,b:4222/`, or `nats://token@a`, with these parameters:
 * - `prefix`: subjects begin with it. Default `skein`.
 * - `creds=FILE` (JWT and seed), `nkey=FILE` (a seed).
 * - `tls=true` (or `tls://`), `ca=FILE`, `cert=FILE` and `key=FILE` (client certificate), `serverName`.
 */
export function createTransport(url: string, options: NatsTransportOptions): Transport {
  const { runtime, logger, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES } = options;
  const target = parseNatsUrl(url);
  let current: Hub | undefined;
  const hub = (): Hub => {
    if (current !== undefined) return current;
    let unused: Timer | undefined;
    const made = new Hub(
      {
        runtime,
        prefix: target.prefix,
        maxFrameBytes,
        connect: (events) => connectNats(target, { runtime, logger }, events),
      },
      () => {
        // All that used it may have been lost with the server, and is dialled again: it knows the cluster's other members, and how long it was away.
        if (made.settled) return runtime.yieldToIo(leave);
        unused?.cancel();
        unused = runtime.clock.setTimer(AWAY_MS, leave);
      },
    );
    const leave = (): void => {
      if (made.used || current !== made) return;
      unused?.cancel();
      current = undefined;
      void made.close();
    };
    current = made;
    return made;
  };
  const using = async <T>(work: (hub: Hub) => Promise<T>): Promise<T> => {
    const at = hub();
    const release = at.use();
    try {
      return await work(at);
    } finally {
      release();
    }
  };
  return {
    scheme: SCHEME,
    dial: (address, given) => using((at) => at.dial(address, given)),
    listen: (address, accept) => using((at) => at.listen(address, accept)),
  };
}
