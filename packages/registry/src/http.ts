import type { Logger, Registry, Runtime } from "@skein/core";
import { createHttpRegistry } from "./http/http-registry.ts";

export { createHttpRegistry, type HttpRegistryOptions } from "./http/http-registry.ts";

/** What `skein` opens for `http://` and `https://`: see createHttpRegistry. */
export function createRegistry(
  url: string,
  options: {
    readonly runtime: Runtime;
    readonly logger: Logger;
    readonly namespace: string | undefined;
    readonly ttlMs?: number | undefined;
  },
): Registry {
  return createHttpRegistry(url, options);
}
