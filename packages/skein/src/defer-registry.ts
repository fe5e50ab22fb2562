import type { Registry, Snapshot } from "@skein/core";

/** A registry that is still being opened: what is asked of it waits. Opened at the first use, once. */
export function deferRegistry(
  name: string,
  open: () => Promise<Registry>,
): Registry & { check(): Promise<void> } {
  let opening: Promise<Registry> | undefined;
  let there: Registry | undefined;
  const opened = (): Promise<Registry> => {
    opening ??= open().then((registry) => {
      there = registry;
      return registry;
    });
    return opening;
  };
  return {
    name,
    // Known once it was asked anything: check() comes before whoever wants to know.
    get readOnly() {
      return there?.readOnly;
    },
    get malformed() {
      return there?.malformed;
    },
    async check() {
      const registry: Registry & { check?(): Promise<void> } = await opened();
      await registry.check?.();
    },
    lease: async (options) => (await opened()).lease(options),
    async *watch(service, { signal }) {
      let registry: Registry;
      try {
        registry = await opened();
      } catch (error) {
        yield failed(error);
        return await aborted(signal);
      }
      yield* registry.watch(service, { signal });
    },
    get: async (service) => (await opened()).get(service),
    list: async () => (await opened()).list(),
    close: async () => (await opening?.catch(() => undefined))?.close(),
  };
}

function failed(error: unknown): Snapshot {
  return { instances: [], revision: 0, stale: true, error };
}

/** Watches never end by themselves. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
