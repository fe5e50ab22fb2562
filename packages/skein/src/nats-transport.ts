import type { Logger, Runtime, Transport } from "@skein/core";
import { redactUrl } from "./config/redact.ts";
import { importFromApp, resolveFromApp } from "./import-from-app.ts";
import { asSetup, SetupError } from "./setup-error.ts";

const PACKAGE = "@skein/nats";

/** What the package exports as `createTransport`. */
type CreateTransport = (url: string, options: { runtime: Runtime; logger: Logger }) => Transport;

/** Servers of NATS, which carry connections to instances that listen there. */
export interface NatsServers {
  readonly url: string;
  readonly logger: Logger;
}

/** The transport of a package that the application has installed, loaded at its first use. Throws, naming the command, when it is not installed. */
export function createNatsTransport(runtime: Runtime, { url, logger }: NatsServers): Transport {
  if (resolveFromApp(PACKAGE) === undefined)
    throw new SetupError(`${redactUrl(url)} needs the package ${PACKAGE}: npm install ${PACKAGE}`);
  const open = async (): Promise<Transport> => {
    const { createTransport } = (await importFromApp(PACKAGE)) ?? {};
    if (typeof createTransport !== "function")
      throw new SetupError(
        `${redactUrl(url)} needs createTransport() of ${PACKAGE}, which this version of it does not have`,
      );
    return asSetup(() => (createTransport as CreateTransport)(url, { runtime, logger }));
  };
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
