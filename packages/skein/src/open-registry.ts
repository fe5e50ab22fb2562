import type { Logger, Registry, Runtime } from "@skein/core";
import { createLocalRegistry, createMemoryRegistry, createStaticRegistry } from "@skein/registry";
import { redactUrl } from "./config/redact.ts";
import type { Config } from "./config/resolve-config.ts";
import { deferRegistry } from "./defer-registry.ts";
import { importFromApp, resolveFromApp } from "./import-from-app.ts";
import { asSetup, SetupError } from "./setup-error.ts";

/** What a backend's package exports as `createRegistry`. */
export type CreateRegistry = (url: string, options: BackendOptions) => Registry | Promise<Registry>;
export interface BackendOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly namespace: string | undefined;
  /** Of the leases. */
  readonly ttlMs: number;
}

export interface OpenedRegistry {
  readonly registry: Registry;
  /** Rejects, saying what to do, when it is known not to work: a directory that cannot be written, a package without a registry. */
  check(): Promise<void>;
  /** Ends what was opened here; a registry that was given as an object stays as it is. */
  close(): Promise<void>;
}

/** Throws when the package of its scheme is not installed, naming the command that installs it. */
export function openRegistry(
  config: Pick<Config, "registry" | "namespace" | "ttlMs">,
  ports: { readonly runtime: Runtime; readonly logger: Logger },
): OpenedRegistry {
  const given = config.registry;
  if (given.kind === "object")
    return { registry: given.registry, check: () => checkOf(given.registry), close: async () => {} };
  const options = { ...ports, namespace: config.namespace, ttlMs: config.ttlMs };
  const registry = open(given, options);
  return { registry, check: () => checkOf(registry), close: () => closeSoon(registry, ports.runtime) };
}

function open(
  given: Exclude<Config["registry"], { readonly kind: "object" }>,
  options: BackendOptions,
): Registry {
  const { namespace } = options;
  switch (given.kind) {
    case "memory":
      return createMemoryRegistry({
        runtime: options.runtime,
        name: [namespace, given.name].filter((part) => part !== undefined).join("/"),
      });
    case "local":
      return createLocalRegistry({ ...options, directory: given.directory });
    case "static":
      return openStatic(given.url);
    case "http":
      return deferRegistry(redactUrl(given.url), async () => {
        const { createRegistry } = await import("@skein/registry/http");
        return asSetup(() => createRegistry(given.url, options));
      });
    case "package":
      return openPackage(given.package, given.url, options);
  }
}

function openStatic(url: string): Registry {
  try {
    return createStaticRegistry(url);
  } catch (error) {
    throw new SetupError((error as Error).message, { cause: error });
  }
}

function openPackage(name: string, url: string, options: BackendOptions): Registry {
  const shown = redactUrl(url);
  if (resolveFromApp(name) === undefined)
    throw new SetupError(`the registry ${shown} needs the package ${name}: npm install ${name}`);
  return deferRegistry(shown, async () => {
    const { createRegistry } = (await importFromApp(name)) ?? {};
    if (typeof createRegistry !== "function")
      throw new SetupError(
        `the registry ${shown} needs createRegistry() of ${name}, which this version of it does not have`,
      );
    return asSetup(() => (createRegistry as CreateRegistry)(url, options));
  });
}

const CLOSE_MS = 1000;

/** What a registry that does not answer cannot be told ends with its TTL: whoever leaves does not wait for it. */
function closeSoon(registry: Registry, { clock }: Runtime): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(CLOSE_MS, resolve);
    registry.close().then(
      () => {
        timer.cancel();
        resolve();
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

/** Some registries know more than that they cannot be reached. */
async function checkOf(registry: Registry & { check?(): Promise<void> }): Promise<void> {
  await registry.check?.();
}
