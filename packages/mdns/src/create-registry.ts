import type { Logger, Registry, Runtime } from "@skein/core";
import { mdnsRegistry } from "./mdns-registry.ts";
import { parseMdnsUrl } from "./mdns-url.ts";
import { Network } from "./network.ts";

export interface MdnsOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** A domain of its own: keeps groups of services apart. */
  readonly namespace?: string | undefined;
}

/**
 * A registry on multicast DNS (IPv4): no server, for one network, in development. Anybody on that network can say anything: who is called proves who it
 * is by TLS, not by its record. Throws INVALID_ARGUMENT, naming the part of the URL that is wrong.
 *
 * @param url `mdns:` or `mdns://?interface=192.168.1.7`, with these parameters:
 * - `interface`: the address of a network interface, or several with commas. Default: all.
 * - `port`: UDP. Default 5353; all take part who use the same.
 * - `layout`: `skein` (default), `go-micro`, or both with a comma.
 * - `domain`: of the layout `skein`. Default `local`. `goMicroDomain`: default `micro`.
 */
export function createRegistry(url: string, options: MdnsOptions): Registry {
  const { runtime, logger, namespace } = options;
  const { name, layouts, interfaces, port } = parseMdnsUrl(url, namespace);
  const medium = new Network({ interfaces, port, runtime, logger });
  return mdnsRegistry({ name, layouts, medium, runtime, logger });
}
