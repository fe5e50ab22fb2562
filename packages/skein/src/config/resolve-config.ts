import type { Logger, Registry } from "@skein/core";
import type { LogLevel } from "../logger/levels.ts";
import type { RegistryWait } from "../registry-wait.ts";
import { parseRegistryUrl, type RegistryUrl } from "./registry-url.ts";
import { ConfigError, pick, type Setting } from "./setting.ts";
import {
  type Address,
  parseAdvertise,
  parseFlag,
  parseLevel,
  parseListen,
  parseNamespace,
  parseTtl,
  parseWait,
} from "./values.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** What servers, clients and announcements have in common. An option wins over its variable. */
export interface ConfigOptions {
  /** Where services are found: a URL or an object. Variable `SKEIN_REGISTRY`. @default "local:" */
  readonly registry?: string | Registry | undefined;
  /** Keeps environments apart in one registry. Variable `SKEIN_NAMESPACE`. @default none */
  readonly namespace?: string | undefined;
  /**
   * A record outlives its process for so long at worst: `"30s"`, `"2000ms"`, or a number of seconds; from 500 ms to 1 h.
   * Variable `SKEIN_TTL`. @default "30s"
   */
  readonly ttl?: string | number | undefined;
  /**
   * The servers of NATS through which instances that listen there are reached: `nats://user:password@a:4222,b:4222`. Variable `SKEIN_NATS`.
   * @default those of `SKEIN_LISTEN`, else of the registry, where they begin with nats://
   */
  readonly nats?: string | undefined;
  /** Level of the log, or a logger of your own. Variable `SKEIN_LOG`. @default "info" */
  readonly log?: LogLevel | Logger | undefined;
}

/** For those that announce something. */
export interface RegistryWaitOptions {
  /**
   * A start fails when the registry has not taken the registration for so long: `"30s"`, `"500ms"`, or a number of seconds.
   * Variable `SKEIN_REGISTRY_WAIT`. @default "30s"
   */
  readonly waitForRegistry?: string | number | undefined;
  /**
   * True: a start does not wait for the registry; the registration follows as soon as it can. `/health/ready` says that it is missing.
   * Variable `SKEIN_REGISTRY_OPTIONAL`. @default false
   */
  readonly registryOptional?: boolean | undefined;
}

export interface ServeConfigOptions extends ConfigOptions, RegistryWaitOptions {
  /**
   * `tcp://0.0.0.0:8080`, `unix:/run/user.sock`, `memory:name`; port 0 is any free one. `nats://user:password@a:4222,b:4222`: no port, but a
   * subject of its own on these servers (`nats://` alone: those of `nats`). Variable `SKEIN_LISTEN`.
   * @default tcp://127.0.0.1:0 with the registries of one machine, tcp://0.0.0.0:0 with others
   */
  readonly listen?: string | undefined;
  /** The address others are told. Variable `SKEIN_ADVERTISE`. @default derived from where it listens */
  readonly advertise?: string | undefined;
}

export interface Config {
  readonly registry: RegistryUrl | { readonly kind: "object"; readonly registry: Registry };
  readonly namespace: string | undefined;
  readonly ttlMs: number;
  /** URL of NATS's servers. Undefined: there are none. */
  readonly nats: string | undefined;
  readonly log: LogLevel | Logger;
}

export interface ServeConfig extends Config {
  readonly wait: RegistryWait;
  /** `machine`: only processes of this machine use the registry. */
  readonly reach: "machine" | "network";
  readonly listen: Address;
  /** Undefined: derived once it is known where it listens. */
  readonly advertise: Address | undefined;
}

const DEFAULT_TTL_MS = 30_000;
const DEFAULT_WAIT_MS = 30_000;
const LOCAL_NATS = "nats://localhost:4222";

/** Options and environment to what is meant. Pure. Throws ConfigError. */
export function resolveConfig(options: ConfigOptions, env: Environment): Config {
  const namespace = text("namespace", options.namespace, "SKEIN_NAMESPACE", env);
  const ttl = pick("ttl", options.ttl, "SKEIN_TTL", env);
  const registry = resolveRegistry(options, env);
  return {
    registry,
    nats: resolveNats(options, registry, env),
    namespace: namespace && parseNamespace(namespace),
    ttlMs: ttl === undefined ? DEFAULT_TTL_MS : parseTtl(ttl),
    log: resolveLog(options, env),
  };
}

/** As resolveConfig, with what only servers need. */
export function resolveServeConfig(options: ServeConfigOptions, env: Environment): ServeConfig {
  const config = resolveConfig(options, env);
  const reach = reachOf(config.registry);
  const listen = text("listen", options.listen, "SKEIN_LISTEN", env);
  const advertise = text("advertise", options.advertise, "SKEIN_ADVERTISE", env);
  return {
    ...config,
    wait: resolveWait(options, env),
    reach,
    nats:
      listen?.value.startsWith("nats:") === true
        ? (natsIn(listen.value) ?? config.nats ?? LOCAL_NATS)
        : config.nats,
    listen:
      listen === undefined
        ? { scheme: "tcp", host: reach === "machine" ? "127.0.0.1" : "0.0.0.0", port: 0 }
        : parseListen(listen),
    advertise: advertise && parseAdvertise(advertise),
  };
}

function resolveNats(
  options: ConfigOptions,
  registry: Config["registry"],
  env: Environment,
): string | undefined {
  const given = text("nats", options.nats, "SKEIN_NATS", env);
  if (given !== undefined && natsIn(given.value) === undefined)
    throw new ConfigError(given, "names no servers of NATS: give nats://user:password@a:4222,b:4222");
  return (
    given?.value ??
    natsIn(env.SKEIN_LISTEN?.trim() ?? "") ??
    (registry.kind === "package" ? serversOf(natsIn(registry.url)) : undefined)
  );
}

/** Without what only a registry understands: where it keeps its records. */
function serversOf(url: string | undefined): string | undefined {
  return url?.replace(/([?&])kv(?:=[^&]*)?(?:&|$)/, "$1").replace(/[?&]$/, "");
}

/** A URL that names servers of NATS. */
function natsIn(url: string): string | undefined {
  return /^nats:\/\/[^/?]/.test(url) ? url : undefined;
}

/** How long a start waits for the registry. Throws ConfigError. */
export function resolveWait(options: RegistryWaitOptions, env: Environment): RegistryWait {
  const wait = pick("waitForRegistry", options.waitForRegistry, "SKEIN_REGISTRY_WAIT", env);
  const optional = pick("registryOptional", options.registryOptional, "SKEIN_REGISTRY_OPTIONAL", env);
  return {
    waitMs: wait === undefined ? DEFAULT_WAIT_MS : parseWait(wait),
    optional: optional !== undefined && parseFlag(optional),
  };
}

/** Level and logger alone: what is needed to say that the rest is wrong. */
export function resolveLog(options: ConfigOptions, env: Environment): LogLevel | Logger {
  const log = pick("log", options.log, "SKEIN_LOG", env);
  if (log === undefined) return "info";
  if (typeof log.value === "string") return parseLevel({ name: log.name, value: log.value });
  if (typeof log.value?.info !== "function" || typeof log.value.child !== "function")
    throw new ConfigError(
      log,
      "is no logger: give a level, or an object with debug, info, warn, error and child",
    );
  return log.value;
}

function resolveRegistry(options: ConfigOptions, env: Environment): Config["registry"] {
  const setting = pick("registry", options.registry, "SKEIN_REGISTRY", env);
  if (setting === undefined) return { kind: "local", directory: undefined };
  const { name, value } = setting;
  if (typeof value === "string") return parseRegistryUrl({ name, value });
  if (typeof value?.watch !== "function" || typeof value.lease !== "function")
    throw new ConfigError(
      setting,
      "is no registry: give a URL, or an object with lease, watch, get, list and close",
    );
  return { kind: "object", registry: value };
}

/** Objects say by their name where they live: `memory:…`, `local:…`. */
function reachOf(registry: Config["registry"]): "machine" | "network" {
  if (registry.kind === "object")
    return /^(memory|local):/.test(registry.registry.name) ? "machine" : "network";
  return registry.kind === "memory" || registry.kind === "local" ? "machine" : "network";
}

function text(
  option: string,
  value: string | undefined,
  variable: string,
  env: Environment,
): Setting<string> | undefined {
  const setting = pick(option, value, variable, env);
  if (setting !== undefined && typeof setting.value !== "string")
    throw new ConfigError(setting, "is no text");
  return setting;
}
