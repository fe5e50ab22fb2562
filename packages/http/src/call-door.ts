import type { Socket } from "node:net";
import type { DoorFactory, DoorHost, DoorOf } from "@skein/core";
import { lazyDoor } from "./door.ts";
import { type HttpOptions, httpOptionsFault } from "./http-options.ts";
import { DEFAULT_CALL_LIMITS, type HttpLimits } from "./limits.ts";

/**
 * HTTP/1.1 with JSON to every method: `POST /user/getUser`, streams as NDJSON or server-sent events, health, `/openapi.json` and `/docs`.
 * For `serve(x, { doors: [httpDoor({ cors: { origins: ["https://app.example"] } })] })`; `doors: ["http"]` is one without options.
 * @throws Error naming the option that is wrong
 */
export function httpDoor(options: HttpOptions = {}): DoorFactory<Socket> {
  const fault = httpOptionsFault(options, DEFAULT_CALL_LIMITS);
  if (fault !== undefined) throw new Error(fault);
  const given = Object.entries(options.limits ?? {}).filter(([, value]) => value !== undefined);
  const limits: HttpLimits = { ...DEFAULT_CALL_LIMITS, ...Object.fromEntries(given) };
  return (host) => ({
    ...lazyDoor(host.logger, async () => {
      const { createCallSide } = await import("./call-side.ts");
      return createCallSide(host, options, limits);
    }),
    protocol: "http",
  });
}

/** What `doors: ["http"]` opens. */
export function createDoor(host: DoorHost): DoorOf<Socket> | Promise<DoorOf<Socket>> {
  return httpDoor()(host);
}
