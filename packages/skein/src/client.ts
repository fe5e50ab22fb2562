import { json, msgpack } from "@skein/codec";
import {
  type CallDefaults,
  type CodecFactory,
  type Client as CoreClient,
  createClient as createCoreClient,
  type ForeignProtocol,
  type Interceptor,
  type Logger,
  type Policy,
  type SelectorFactory,
  type SessionLimits,
} from "@skein/core";
import {
  consistentHash,
  ejecting,
  p2c,
  pickFirst,
  random,
  resilient,
  roundRobin,
  slowStart,
  weighted,
} from "@skein/selector";
import type { TlsSettings } from "@skein/transport";
import { ambient } from "./ambient.ts";
import { type ConfigOptions, type Environment, resolveConfig, resolveLog } from "./config/resolve-config.ts";
import { keepAlive } from "./keep-alive.ts";
import type { LogLevel } from "./logger/levels.ts";
import { loggerOf } from "./logger/logger-of.ts";
import { nodeRuntime as runtime } from "./node-runtime.ts";
import { openRegistry } from "./open-registry.ts";
import { withKnownProtocols } from "./protocols.ts";
import type { Services } from "./services.ts";
import { SetupError } from "./setup-error.ts";
import { reportIfUncaught, reportTo } from "./start-failure.ts";
import { createTransports } from "./transports.ts";

/** Finds services in a registry and calls them; those of `Services` are known by name. */
export type Client = CoreClient<Services>;

/** All keep away from instances that fail. By key, zones are not preferred: a key has one instance, wherever its callers are. */
const SELECTORS = {
  p2c: resilient(p2c),
  "round-robin": resilient(roundRobin),
  random: resilient(random),
  weighted: resilient(weighted),
  "consistent-hash": ejecting(slowStart(consistentHash)),
  "pick-first": resilient(pickFirst),
} as const;
const STANDARD_ERROR = 2;

/** Each field's default is the same as where it is described: `CallDefaults` for what calls may say themselves, `ConfigOptions` for the rest. */
export interface ClientOptions extends ConfigOptions, CallDefaults {
  /**
   * Who is asked: `p2c` takes the better of two, by latency and calls in flight; `weighted` goes by the instances' weights, `consistent-hash` by the
   * calls' `key`, `pick-first` stays with one. With each of them instances that fail are left alone for a while, newcomers get their share little
   * by little, and those of the client's zone come first. A SelectorFactory (of `@skein/selector`, or your own) is taken as it is. @default "p2c"
   */
  readonly selector?: keyof typeof SELECTORS | SelectorFactory | undefined;
  /** Where the client runs: instances of the same zone are preferred. @default not known */
  readonly zone?: string | undefined;
  /** The first is the outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /** Sent to each instance; a function is asked at each connection. */
  readonly credentials?: string | (() => string | Promise<string>) | undefined;
  readonly limits?: Partial<SessionLimits> | undefined;
  /**
   * How calls are tried, retried and hedged, and instances connected to and kept away from: for the client, by service, by method.
   * @default DEFAULT_POLICY
   */
  readonly policy?: Policy | undefined;
  /**
   * Other protocols than ours, for `client.service(name, { protocol })`. Known by name without being given: `jsonrpc` and `go-micro` (of
   * `@skein/http`), `grpc` (of `@skein/grpc`), `nats-micro` (of `@skein/nats`; it needs `nats`, and no registry).
   * One given of the same name comes first.
   */
  readonly protocols?: readonly ForeignProtocol[] | undefined;
  readonly tls?: TlsSettings | undefined;
  /** In order of preference. @default MessagePack, JSON */
  readonly codecs?: readonly CodecFactory[] | undefined;
  /** False: calls made while serving one do not inherit its deadline, cancellation and trace. @default true */
  readonly context?: boolean | undefined;
}

/**
 * Finds services and calls them: `client.service<UserService>("user").getUser({ id })`. Configured as `serve` is, by options and environment.
 * Once a service was asked for, the process stays alive until the client is closed: `await using client = createClient()` does that. Its log goes
 * to standard error, as standard output is its program's.
 * @throws Error naming the option or variable that is wrong
 */
export function createClient(options: ClientOptions = {}): Client {
  let log: LogLevel | Logger = "info";
  try {
    log = resolveLog(options, process.env);
    return connect(options, process.env);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    throw reportIfUncaught(
      error,
      reportTo(loggerOf(log, STANDARD_ERROR), log === "silent", "could not create a client"),
    );
  }
}

function connect(options: ClientOptions, env: Environment): Client {
  const config = resolveConfig(options, env);
  const logger = loggerOf(config.log, STANDARD_ERROR);
  const opened = openRegistry(config, { runtime, logger });
  if (options.context !== false) ambient.use();
  const client = createCoreClient<Services>({
    ...options,
    runtime,
    logger,
    registry: opened.registry,
    protocols: withKnownProtocols(options.protocols, {
      nats: config.nats,
      namespace: config.namespace,
      logger,
    }),
    transports: createTransports(
      options.tls,
      config.nats === undefined ? undefined : { url: config.nats, logger },
    ),
    codecs: options.codecs ?? [msgpack, json],
    selector: selectorOf(options.selector),
    contextStore: options.context === false ? undefined : ambient,
    ttlMs: config.ttlMs,
  });
  return closingAll(client, () => opened.close());
}

function selectorOf(selector: ClientOptions["selector"] = "p2c"): SelectorFactory {
  if (typeof selector === "function") return selector;
  if (Object.hasOwn(SELECTORS, selector)) return SELECTORS[selector];
  throw new SetupError(
    `option selector=${String(selector)} is unknown: give ${Object.keys(SELECTORS).join(", ")}, or a SelectorFactory`,
  );
}

/** Adds what is the process's business: staying alive, and closing what was opened for the client. */
function closingAll(client: Client, closeRegistry: () => Promise<void>): Client {
  let release: (() => void) | undefined;
  const close = async (): Promise<void> => {
    await client.close();
    await closeRegistry();
    release?.();
  };
  return {
    // What lasts longer than a call must not hold on to the context of the one that asked first.
    service(service: never, options?: never): never {
      release ??= keepAlive();
      return ambient.outside(() => client.service(service, options)) as never;
    },
    list: () => client.list(),
    watch: (service) => client.watch(service),
    report: () => client.report(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
