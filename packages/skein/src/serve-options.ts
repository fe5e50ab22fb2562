import type { CodecFactory, Interceptor, QueueOptions, ServerLimits, ServerOptions } from "@skein/core";
import type { TlsSettings } from "@skein/transport";
import type { ServeConfigOptions } from "./config/resolve-config.ts";
import type { EventsConfigOptions } from "./config/resolve-events.ts";
import { type DoorOption, doorsFault } from "./doors/open-doors.ts";
import type { HealthOptions } from "./health.ts";
import type { SelfDial } from "./self-dial.ts";
import { SetupError } from "./setup-error.ts";

/** What `serve` takes last. */
export interface ServeOptions extends ServeConfigOptions, EventsConfigOptions {
  /** Text pairs in the registry's records, under 8 KiB. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Where it runs, for callers that prefer what is near. @default none */
  readonly zone?: string | undefined;
  /** Share of traffic relative to other instances. @default 1 */
  readonly weight?: number | undefined;
  /** What `/health/ready` depends on; a check that fails also makes the instance `not-ready` in the registry. */
  readonly health?: HealthOptions | undefined;
  /** The first is the outermost. */
  readonly interceptors?: readonly Interceptor[] | undefined;
  /**
   * Other protocols to the same methods on the same port: `["http", "grpc", "jsonrpc"]`, or what a door's package makes with options of its own. Health
   * is answered by HTTP without any. `nats-micro` needs no port, but servers of NATS (`nats`). @default none; `["nats-micro"]` where it listens on NATS
   */
  readonly doors?: readonly DoorOption[] | undefined;
  /** True: welcome. Asked for each connection and each refresh of credentials. @default everybody is welcome */
  readonly authenticate?: ServerOptions["authenticate"];
  /**
   * What each connection may do: `maxCalls` in flight (1000), `maxCallsPerSecond` (any number), `maxMessageBytes` (4 MiB), and further bounds. Limits of
   * one method are its own: `@Rpc({ limits: { concurrency, ratePerSecond, burst } })`.
   */
  readonly limits?: Partial<ServerLimits> | undefined;
  /**
   * Which calls wait and which are refused under load: `maxQueue` calls that wait (1000), the wait that is aimed at in an overload (`targetMs`, 20), how
   * long a queue has to stand to be one (`intervalMs`, 100), and above which share of the heap's limit all but `critical` calls are refused
   * (`heapLimit`, 0.85; false: never).
   */
  readonly queue?: Partial<QueueOptions> | undefined;
  readonly tls?: TlsSettings | undefined;
  /** What callers may choose from. @default MessagePack and JSON */
  readonly codecs?: readonly CodecFactory[] | undefined;
  /**
   * Whether calls can be followed by `currentContext()` and by clients: from the first call on (true), never (false), or once the process has
   * something that follows them. @default the last
   */
  readonly context?: boolean | undefined;
  /** Whether the advertised address must lead here. @default "require" where it was derived, "warn" where it was given */
  readonly selfDial?: SelfDial | undefined;
  /** On SIGTERM and SIGINT: deregister, drain, exit. @default true */
  readonly signals?: boolean | undefined;
  /** Calls that still run so long after draining began end as UNAVAILABLE, ms. @default 10_000 */
  readonly graceMs?: number | undefined;
}

/** True: it has a method, as all services have. */
type HasMethod<T> = true extends {
  [K in keyof T]: T[K] extends (...given: never) => unknown ? true : false;
}[keyof T]
  ? true
  : false;
/** A service, or options without a typo: `never` for what is neither. */
export type ServeArgument<T> = [keyof T] extends [never]
  ? T
  : HasMethod<T> extends true
    ? T
    : [Exclude<keyof T, keyof ServeOptions>] extends [never]
      ? T & ServeOptions
      : never;

const KNOWN: Readonly<Record<keyof ServeOptions, true>> = {
  registry: true,
  namespace: true,
  ttl: true,
  nats: true,
  events: true,
  eventCodec: true,
  log: true,
  listen: true,
  advertise: true,
  waitForRegistry: true,
  registryOptional: true,
  metadata: true,
  zone: true,
  weight: true,
  health: true,
  doors: true,
  interceptors: true,
  authenticate: true,
  limits: true,
  queue: true,
  tls: true,
  codecs: true,
  context: true,
  selfDial: true,
  signals: true,
  graceMs: true,
};

/** Services first, then perhaps options: a plain object that is no contract. Throws for options that do not exist. */
export function splitArguments(given: readonly object[]): {
  targets: readonly object[];
  options: ServeOptions;
} {
  const last = given.at(-1);
  if (last === undefined || !isOptions(last)) return { targets: given, options: {} };
  for (const key of Object.keys(last))
    if (!Object.hasOwn(KNOWN, key))
      throw new SetupError(`serve has no option "${key}": there are ${Object.keys(KNOWN).join(", ")}`);
  const fault = doorsFault(last.doors);
  if (fault !== undefined) throw new SetupError(fault);
  return { targets: given.slice(0, -1), options: last };
}

function isOptions(value: object): value is ServeOptions {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    (prototype === Object.prototype || prototype === null) && !("implement" in value && "endpoints" in value)
  );
}
