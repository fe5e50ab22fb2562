import { json, msgpack } from "@skein/codec";
import type { Logger } from "@skein/core";
import { type AppParts, RunningApp } from "./app.ts";
import type { App } from "./app-contract.ts";
import { type Environment, resolveLog, resolveServeConfig } from "./config/resolve-config.ts";
import { resolveEvents } from "./config/resolve-events.ts";
import { openEvents } from "./events/open-events.ts";
import type { LogLevel } from "./logger/levels.ts";
import { loggerOf } from "./logger/logger-of.ts";
import { nodeRuntime as runtime } from "./node-runtime.ts";
import { openRegistry } from "./open-registry.ts";
import { type ServeArgument, type ServeOptions, splitArguments } from "./serve-options.ts";
import { reportIfUncaught, reportTo } from "./start-failure.ts";

const STANDARD_OUTPUT = 1;

/**
 * Serves services: listens, makes sure that the advertised address leads here, starts them (`onStart`), announces them and says so in one line. On
 * SIGTERM or SIGINT it deregisters, drains, stops them (`onStop`) and exits with 0.
 *
 * `await serve(new UserService())`, `await serve(new UserService(), new OrderService(), { registry: "memory:" })`. Options win over the variables
 * SKEIN_REGISTRY, SKEIN_LISTEN, SKEIN_ADVERTISE, SKEIN_NAMESPACE, SKEIN_TTL, SKEIN_EVENTS and SKEIN_LOG.
 *
 * Rejects when it cannot start: a port in use, an advertised address that leads elsewhere, a registry directory that cannot be written, a wrong
 * value. Uncaught, that is one line in the log and exit code 1.
 */
export function serve<A extends object>(service: ServeArgument<A>, options?: ServeOptions): Promise<App>;
export function serve<A extends object, B extends object>(
  first: ServeArgument<A>,
  second: ServeArgument<B>,
  options?: ServeOptions,
): Promise<App>;
export function serve<T extends readonly object[]>(
  ...servicesThenOptions: { [I in keyof T]: ServeArgument<T[I]> }
): Promise<App>;
export async function serve(...given: readonly (object | undefined)[]): Promise<App> {
  let log: LogLevel | Logger = "info";
  try {
    const { targets, options } = splitArguments(given.filter((one) => one !== undefined));
    log = resolveLog(options, process.env);
    const app = new RunningApp(createParts(options, process.env));
    await app.start(targets);
    return app;
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    throw reportIfUncaught(
      thrown,
      reportTo(loggerOf(log, STANDARD_OUTPUT), log === "silent", "could not start"),
    );
  }
}

function createParts(options: ServeOptions, env: Environment): AppParts {
  const config = resolveServeConfig(options, env);
  const logger = loggerOf(config.log, STANDARD_OUTPUT);
  const opened = openRegistry(config, { runtime, logger });
  const target = resolveEvents(options, env, config.nats);
  const context = options.context !== false;
  const events = openEvents({ target, codec: options.eventCodec, logger, context });
  return { config, options, runtime, logger, opened, codecs: options.codecs ?? [msgpack, json], events };
}
