import type { DoorHost } from "@skein/core";
import { CallPeer } from "./call-peer.ts";
import { Catalogue } from "./catalogue.ts";
import { unknownName } from "./go-micro/names.ts";
import { GoNameBook } from "./go-name-book.ts";
import type { HttpOptions } from "./http-options.ts";
import type { HttpLimits } from "./limits.ts";
import { createPages } from "./pages.ts";
import { createHttpSide, type HttpSide } from "./server.ts";

/** Calls, health and pages over HTTP/1.1. */
export function createCallSide(host: DoorHost, options: HttpOptions, limits: HttpLimits): HttpSide {
  const services = () => host.services();
  const parts = {
    host,
    options,
    limits,
    catalogue: new Catalogue(services, host.runtime.clock),
    names: new GoNameBook({ runtime: host.runtime, services, names: options.names, unknown: unknownName }),
    pages: createPages(services, options.docs !== false),
  };
  return createHttpSide({
    logger: host.logger,
    limits,
    draining: host.draining,
    connected: (remote) => new CallPeer(parts, remote),
  });
}
