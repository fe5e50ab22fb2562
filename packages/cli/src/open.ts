import { createClient, type ServiceClient, silentLogger } from "skein";
import { nodeRuntime, openRegistry, resolveConfig } from "skein/internal";
import type { Backplane, OpenOptions } from "./backplane.ts";

// biome-ignore lint/suspicious/noExplicitAny: nothing is known of the services that are asked for
type AnyService = any;

/**
 * A registry and a client of it, told by flags and environment.
 * @throws Error that names the flag or variable that is wrong, or the package to install
 */
export async function openBackplane({ env, registry, namespace }: OpenOptions): Promise<Backplane> {
  const config = resolveConfig({ registry, namespace }, env);
  const opened = openRegistry(config, { runtime: nodeRuntime, logger: silentLogger });
  await opened.check();
  const client = createClient({ registry: opened.registry, log: silentLogger, context: false });
  const services = new Map<string, ServiceClient<AnyService>>();
  return {
    registry: opened.registry,
    call: (name, method, input, settings) => {
      let service = services.get(name);
      if (service === undefined) {
        service = client.service<AnyService>(name);
        services.set(name, service);
      }
      return service.call(method, input, settings);
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await opened.close();
    },
  };
}
