import type { Socket } from "node:net";
import type { Door, HealthSource, Logger } from "@skein/core";
import { DEFAULT_HTTP_LIMITS, type HttpLimits } from "./limits.ts";
import { matchHttp } from "./match.ts";
import type { HttpSide } from "./server.ts";

export interface HttpDoorOptions {
  readonly health: HealthSource;
  readonly logger: Logger;
  /** From its abort on idle connections end, and each answer is its connection's last. */
  readonly draining: AbortSignal;
  readonly limits?: Partial<HttpLimits> | undefined;
}

/**
 * HTTP/1.1 on the service's own port: GET (and HEAD) `/health/live` and `/health/ready` with 200 or 503 and JSON. node:http is loaded when
 * the first HTTP connection comes.
 */
export function createHttpDoor(options: HttpDoorOptions): Door<Socket> {
  const { health, logger, draining } = options;
  const limits = { ...DEFAULT_HTTP_LIMITS, ...options.limits };
  return lazyDoor(logger, async () => {
    const { createHealthSide } = await import("./health-side.ts");
    return createHealthSide({ health, logger, draining, limits });
  });
}

/** A door for HTTP/1.1 whose inside is loaded with its first connection. */
export function lazyDoor(logger: Logger, load: () => Promise<HttpSide>): Door<Socket> {
  let side: Promise<HttpSide> | undefined;
  let closed = false;
  return {
    name: "http",
    matches: matchHttp,
    accept(socket) {
      const fail = (): void => void socket.destroy();
      socket.on("error", fail);
      if (closed) return fail();
      side ??= load();
      side.then(
        (loaded) => {
          socket.off("error", fail);
          if (socket.destroyed) return;
          loaded.accept(socket);
        },
        (error: unknown) => {
          logger.error({ err: error }, "the HTTP door could not be loaded");
          fail();
        },
      );
    },
    async close(graceMs) {
      closed = true;
      const loaded = await side?.catch(() => undefined);
      await loaded?.close(graceMs);
    },
  };
}
