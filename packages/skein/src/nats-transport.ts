import type { Logger, Runtime, Transport } from "@skein/core";
import { openNats } from "./nats-package.ts";

/** What the package exports as `createTransport`. */
type CreateTransport = (url: string, options: { runtime: Runtime; logger: Logger }) => Transport;

/** Servers of NATS, which carry connections to instances that listen there. */
export interface NatsServers {
  readonly url: string;
  readonly logger: Logger;
}

/** The transport of a package that the application has installed, loaded at its first use. Throws, naming the command, when it is not installed. */
export function createNatsTransport(runtime: Runtime, { url, logger }: NatsServers): Transport {
  const open = openNats<CreateTransport, Transport>(url, "createTransport", (create) =>
    create(url, { runtime, logger }),
  );
  let opening: Promise<Transport> | undefined;
  const opened = (): Promise<Transport> => {
    opening ??= open();
    return opening;
  };
  return {
    scheme: "nats",
    dial: async (address, options) => (await opened()).dial(address, options),
    listen: async (address, accept, options) => (await opened()).listen(address, accept, options),
  };
}
