import type { Instance, Snapshot } from "../../instance.ts";
import type { Registry } from "../../registry.ts";

/** A registry whose snapshots a test writes. */
export interface FakeRegistry extends Registry {
  /** What watches are told from now on. */
  set(service: string, instances: readonly Instance[], extra?: Partial<Snapshot>): void;
  readonly watching: number;
}

export function instance(id: string, given: Partial<Instance> = {}): Instance {
  return {
    service: "user",
    version: "1.0.0",
    id,
    addresses: [{ protocol: "skein", url: `fake://${id}` }],
    weight: 1,
    status: "serving",
    startedAt: "2026-01-01T00:00:00Z",
    metadata: {},
    ...given,
  };
}

export function createFakeRegistry(): FakeRegistry {
  const snapshots = new Map<string, Snapshot>();
  const wakers = new Set<() => void>();
  let revision = 0;
  return {
    name: "fake:",
    set(service, instances, extra) {
      snapshots.set(service, { instances, revision: ++revision, ...extra });
      for (const wake of [...wakers]) wake();
    },
    get watching() {
      return wakers.size;
    },
    lease: () => Promise.reject(new Error("not here")),
    async *watch(service, { signal }) {
      let seen = 0;
      while (!signal.aborted) {
        const snapshot = snapshots.get(service);
        if (snapshot !== undefined && snapshot.revision > seen) {
          seen = snapshot.revision;
          yield snapshot;
          continue;
        }
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            wakers.delete(wake);
            signal.removeEventListener("abort", wake);
            resolve();
          };
          wakers.add(wake);
          signal.addEventListener("abort", wake);
        });
      }
    },
    get: async (service) => snapshots.get(service) ?? { instances: [], revision: 0 },
    list: async () =>
      [...snapshots]
        .filter(([, s]) => s.instances.length > 0)
        .map(([name, s]) => ({
          name,
          versions: [...new Set(s.instances.map((i) => i.version))],
          instances: s.instances.length,
        })),
    close: async () => {},
  };
}
