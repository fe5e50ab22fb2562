import type { Instance, InstanceStatus, Logger } from "@skein/core";
import { serviceNameFault, versionFault } from "@skein/core/internal";
import { Announcer } from "./announcer.ts";
import {
  type ConfigOptions,
  type RegistryWaitOptions,
  resolveConfig,
  resolveLog,
  resolveWait,
} from "./config/resolve-config.ts";
import { keepAlive } from "./keep-alive.ts";
import type { LogLevel } from "./logger/levels.ts";
import { loggerOf } from "./logger/logger-of.ts";
import { nodeRuntime as runtime } from "./node-runtime.ts";
import { openRegistry } from "./open-registry.ts";
import { awaitRegistry } from "./registry-wait.ts";
import { asSetup, SetupError } from "./setup-error.ts";
import { closeOnSignal, isExiting } from "./signals.ts";
import { reportIfUncaught, reportTo } from "./start-failure.ts";

export interface AnnounceOptions extends ConfigOptions, RegistryWaitOptions {
  /** @default "0.0.0" */
  readonly version?: string | undefined;
  /** What it speaks: `http`, `grpc`, `skein`, … @default the address's scheme, else "tcp" */
  readonly protocol?: string | undefined;
  /** Text pairs in the registry's record, under 8 KiB. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly zone?: string | undefined;
  /** Share of traffic relative to other instances. @default 1 */
  readonly weight?: number | undefined;
  /** On SIGTERM and SIGINT: deregister and exit. @default true */
  readonly signals?: boolean | undefined;
}

/** A server that is not ours, in the registry for as long as this process runs. */
export interface Announcement extends AsyncDisposable {
  readonly instance: Instance;
  /** `not-ready`: callers stop choosing it; `serving`: they may again. */
  setStatus(status: InstanceStatus): Promise<void>;
  /** Deregisters, bounded. Idempotent. */
  close(): Promise<void>;
}

const STANDARD_OUTPUT = 1;

/**
 * Registers any other server, with the same lease keeper as our own: `await announce("user", "127.0.0.1:8080", { metadata: { owner: "crm" } })`.
 * Resolves once the registry has it, and keeps the process alive until it is closed.
 * @param address `host:port`, or a URL
 */
export async function announce(
  name: string,
  address: string,
  options: AnnounceOptions = {},
): Promise<Announcement> {
  let log: LogLevel | Logger = "info";
  try {
    log = resolveLog(options, process.env);
    return await start(describe(name, address, options), options);
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    throw reportIfUncaught(
      thrown,
      reportTo(loggerOf(log, STANDARD_OUTPUT), log === "silent", `could not announce ${name}`),
    );
  }
}

async function start(instance: Instance, options: AnnounceOptions): Promise<Announcement> {
  const config = resolveConfig(options, process.env);
  const logger = loggerOf(config.log, STANDARD_OUTPUT);
  const opened = openRegistry(config, { runtime, logger });
  const { registry } = opened;
  const announcer = new Announcer({ registry, runtime, logger, ttlMs: config.ttlMs });
  let closing: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    await announcer.close();
    await opened.close();
    for (const release of held) release();
  };
  const close = (): Promise<void> => {
    closing ??= end();
    return closing;
  };
  const held = [keepAlive(), ...(options.signals === false ? [] : [closeOnSignal(close)])];
  try {
    await asSetup(() => opened.check());
    if (registry.readOnly === true)
      throw new SetupError(`the registry ${registry.name} is read-only: nothing can be announced there`);
    await awaitRegistry(announcer.add(instance), resolveWait(options, process.env), {
      registry: registry.name,
      runtime,
      logger,
      lastError: () => announcer.lastError,
    });
  } catch (error) {
    await close();
    if (isExiting()) await new Promise(() => {});
    throw error;
  }
  const url = instance.addresses[0]?.url;
  logger.info(
    { service: instance.service, version: instance.version, address: url, registry: registry.name },
    `announced ${instance.service} ${instance.version} at ${url} in ${registry.name}`,
  );
  return {
    get instance() {
      return announcer.instances[0] ?? instance;
    },
    setStatus: (status) => announcer.setStatus(status),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function describe(service: string, address: string, options: AnnounceOptions): Instance {
  const { version = "0.0.0", metadata = {}, zone, weight = 1 } = options;
  const fault = serviceNameFault(service) ?? versionFault(version);
  if (fault !== undefined) throw new SetupError(fault);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(address)?.[1]?.toLowerCase();
  if (scheme === undefined && !/^(?:\[[0-9a-f:.]+\]|[^\s:/@]+):\d{1,5}$/i.test(address))
    throw new SetupError(`address=${address} is no address: give host:port or a URL`);
  return {
    service,
    version,
    id: runtime.uniqueId(),
    addresses: [
      {
        protocol: options.protocol ?? scheme ?? "tcp",
        url: scheme === undefined ? `tcp://${address}` : address,
      },
    ],
    ...(zone !== undefined && { zone }),
    weight,
    status: "serving",
    startedAt: new Date(runtime.clock.now()).toISOString(),
    metadata,
  };
}
