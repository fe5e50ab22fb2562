import type { ForeignProtocol } from "@skein/core";
import { assumedUnary, speaksGoMicro, speaksGrpc } from "@skein/core/internal";
import { importFromApp, resolveFromApp } from "./import-from-app.ts";
import { SetupError } from "./setup-error.ts";

/** Known by name; their packages are loaded when the first instance is called. */
const PACKAGES: Readonly<Record<string, string>> = {
  "go-micro": "@skein/http/go-micro",
  grpc: "@skein/grpc/client",
  jsonrpc: "@skein/http/jsonrpc",
};

/** Those that instances are called by because their records say so. */
const SPEAKS: Readonly<Record<string, ForeignProtocol["speaks"]>> = {
  "go-micro": speaksGoMicro,
  grpc: speaksGrpc,
};

/** Those that are given, and behind them those that are known by name. */
export function withKnownProtocols(given: readonly ForeignProtocol[] = []): readonly ForeignProtocol[] {
  return [...given, ...Object.entries(PACKAGES).map(([name, specifier]) => lazy(name, specifier))];
}

function lazy(protocol: string, specifier: string): ForeignProtocol {
  let loading: Promise<ForeignProtocol> | undefined;
  return {
    protocol,
    speaks: SPEAKS[protocol],
    service(name) {
      if (resolveFromApp(specifier) === undefined) throw missing(protocol, specifier);
      return {
        endpoint: assumedUnary,
        open: async (options) => {
          loading ??= load(protocol, specifier);
          return (await loading).service(name).open(options);
        },
      };
    },
  };
}

async function load(protocol: string, specifier: string): Promise<ForeignProtocol> {
  const loaded = await importFromApp(specifier);
  if (loaded === undefined) throw missing(protocol, specifier);
  const { createProtocol } = loaded;
  if (typeof createProtocol !== "function")
    throw new SetupError(
      `the protocol ${protocol} needs createProtocol() of ${specifier}, which this version of it does not have`,
    );
  return (createProtocol as () => ForeignProtocol)();
}

function missing(protocol: string, specifier: string): SetupError {
  const installed = specifier.split("/").slice(0, 2).join("/");
  return new SetupError(`the protocol ${protocol} needs the package ${installed}: npm install ${installed}`);
}
