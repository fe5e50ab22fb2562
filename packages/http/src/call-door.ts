import type { Socket } from "node:net";
import type { DoorFactory, DoorHost, DoorOf } from "@skein/core";
import { lazyDoor } from "./door.ts";
import { type HttpOptions, resolveHttpOptions } from "./http-options.ts";

/**
 * HTTP/1.1 with JSON to every method: `POST /user/getUser`, streams as NDJSON or server-sent events, health, `/openapi.json` and `/docs`.
 * For `serve(x, { doors: [httpDoor({ cors: { origins: ["https://app.example"] } })] })`; `doors: ["http"]` is one without options.
 * @throws TypeError naming the option that is wrong
 */
export function httpDoor(options: HttpOptions = {}): DoorFactory<Socket> {
  const limits = resolveHttpOptions(options);
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
