import type { ForeignProtocol, Logger } from "@skein/core";
import { assumedUnary, speaksGoMicro, speaksGrpc, wholeService } from "@skein/core/internal";
import { importFromApp, resolveFromApp } from "./import-from-app.ts";
import { SetupError } from "./setup-error.ts";

/** Known by name; their packages are loaded when the first instance is called. */
const PACKAGES: Readonly<Record<string, string>> = {
  "go-micro": "@skein/http/go-micro",
  grpc: "@skein/grpc/client",
  jsonrpc: "@skein/http/jsonrpc",
  "nats-micro": "@skein/nats/micro",
};
/** Finds by itself who answers. */
const WITHOUT_REGISTRY = "nats-micro";

/** Those that instances are called by because their records say so. */
const SPEAKS: Readonly<Record<string, ForeignProtocol["speaks"]>> = {
  "go-micro": speaksGoMicro,
  grpc: speaksGrpc,
};

/** What the protocol on NATS has to know. */
export interface ProtocolServers {
  /** URL of NATS's servers. Undefined: there are none. */
  readonly nats: string | undefined;
  readonly namespace: string | undefined;
  readonly logger: Logger;
}

/** Those that are given, and behind them those that are known by name. */
export function withKnownProtocols(
  given: readonly ForeignProtocol[] = [],
  servers: ProtocolServers,
): readonly ForeignProtocol[] {
  return [...given, ...Object.entries(PACKAGES).map(([name, specifier]) => lazy(name, specifier, servers))];
}

function lazy(protocol: string, specifier: string, servers: ProtocolServers): ForeignProtocol {
  let loading: Promise<ForeignProtocol> | undefined;
  return {
    protocol,
    speaks: SPEAKS[protocol],
    service(name) {
      if (resolveFromApp(specifier) === undefined) throw missing(protocol, specifier);
      const alone = protocol === WITHOUT_REGISTRY;
      if (alone && servers.nats === undefined)
        throw new SetupError(
          `the protocol ${protocol} needs servers of NATS: give nats (or SKEIN_NATS) nats://user:password@a:4222,b:4222`,
        );
      return {
        endpoint: assumedUnary,
        instance: alone ? wholeService(name, protocol) : undefined,
        open: async (options) => {
          loading ??= load(protocol, specifier, servers);
          return (await loading).service(name).open(options);
        },
      };
    },
  };
}

async function load(
  protocol: string,
  specifier: string,
  { nats, namespace, logger }: ProtocolServers,
): Promise<ForeignProtocol> {
  const loaded = await importFromApp(specifier);
  if (loaded === undefined) throw missing(protocol, specifier);
  const { createProtocol } = loaded;
  if (typeof createProtocol !== "function")
    throw new SetupError(
      `the protocol ${protocol} needs createProtocol() of ${specifier}, which this version of it does not have`,
    );
  const known = protocol === WITHOUT_REGISTRY ? { url: nats, namespace, logger } : undefined;
  return (createProtocol as (known?: object) => ForeignProtocol)(known);
}

function missing(protocol: string, specifier: string): SetupError {
  const installed = specifier.split("/").slice(0, 2).join("/");
  return new SetupError(`the protocol ${protocol} needs the package ${installed}: npm install ${installed}`);
}
