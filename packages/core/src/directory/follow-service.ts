import type { Registry } from "../registry.ts";
import type { Runtime, Timer } from "../runtime.ts";
import type { Directory } from "./directory.ts";

/** Whatever was missed by a watch is found by a list, so often (± 20 %), ms. */
const RELIST_MS = 60_000;
const BACKOFF_MS = 200;
const MOST_BACKOFF_MS = 5000;

/**
 * Keeps a directory fed until `signal` aborts: the registry's watch, begun again with full jitter when it ends or throws, and a list now
 * and then. Never rejects.
 */
export async function followService(
  registry: Registry,
  service: string,
  directory: Directory,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<void> {
  const relist = keepListing(registry, service, directory, runtime, signal);
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      for await (const snapshot of registry.watch(service, { signal })) {
        if (signal.aborted) break;
        directory.apply(snapshot);
        if (snapshot.error === undefined) failures = 0;
      }
      if (!signal.aborted) directory.apply(failed(directory, new Error("the watch ended")));
    } catch (error) {
      if (!signal.aborted) directory.apply(failed(directory, error));
    }
    if (signal.aborted) break;
    await pause(runtime, runtime.random() * Math.min(MOST_BACKOFF_MS, BACKOFF_MS * 2 ** failures), signal);
  }
  relist.cancel();
}

function failed(
  directory: Directory,
  error: unknown,
): { instances: Directory["instances"]; revision: number; stale: true; error: unknown } {
  return { instances: directory.instances, revision: Number.NaN, stale: true, error };
}

function keepListing(
  registry: Registry,
  service: string,
  directory: Directory,
  runtime: Runtime,
  signal: AbortSignal,
): Timer {
  let timer: Timer | undefined;
  const again = (): void => {
    timer = runtime.clock.setTimer(RELIST_MS * (0.8 + 0.4 * runtime.random()), () => {
      registry.get(service).then(
        (snapshot) => {
          if (!signal.aborted) directory.apply(snapshot);
        },
        () => {}, // The watch says what is wrong.
      );
      if (!signal.aborted) again();
    });
  };
  again();
  return { cancel: () => timer?.cancel() };
}

function pause(runtime: Runtime, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = runtime.clock.setTimer(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
