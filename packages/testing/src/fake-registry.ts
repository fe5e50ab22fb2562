import {
  type Instance,
  type Lease,
  LeaseLostError,
  type Registry,
  type ServiceSummary,
  type Snapshot,
} from "@skein/core";

/** A registry that does what the test says. */
export interface FakeRegistry extends Registry {
  /** An instance that somebody else announced. */
  add(instance: Instance): void;
  remove(id: string): void;
  /** From now on everything fails with it, and watches tell. Nothing is forgotten. */
  fail(error: Error): void;
  /** It answers again. */
  recover(): void;
  /** All leases are gone with their records, as after a restart without data. */
  loseLeases(): void;
  /** Answers take so many ms of the test's clock from now on; 0: at once. */
  slow(ms: number): void;
  /** What was asked of it so far: `lease`, `renew`, `put ID`, `remove ID`, `watch SERVICE`, `get SERVICE`, `list`. */
  readonly asked: readonly string[];
}

interface Held {
  alive: boolean;
  readonly ids: Set<string>;
  readonly lease: Lease;
}

/**
 * @param pause waits so many ms: `cluster.advance`'s clock, or real time
 */
export function fakeRegistry(pause: (ms: number) => Promise<void> = realPause): FakeRegistry {
  const records = new Map<string, Instance>();
  const watches = new Map<(snapshot: Snapshot) => void, string>();
  const leases: Held[] = [];
  const asked: string[] = [];
  let revision = 0;
  let failure: Error | undefined;
  let delayMs = 0;

  const snapshot = (service: string): Snapshot => {
    const instances = [...records.values()].filter((i) => i.service === service);
    return failure === undefined
      ? { instances, revision }
      : { instances, revision, stale: true, error: failure };
  };
  const changed = (): void => {
    revision++;
    for (const [push, service] of watches) push(snapshot(service));
  };
  const answer = async <T>(what: string, make: () => T): Promise<T> => {
    asked.push(what);
    if (delayMs > 0) await pause(delayMs);
    if (failure !== undefined) throw failure;
    return make();
  };
  const drop = (id: string): void => {
    if (records.delete(id)) changed();
  };

  const makeLease = (ttlMs: number): Lease => {
    const held: Held = {
      alive: true,
      ids: new Set(),
      lease: {
        ttlMs,
        renew: () => answer("renew", () => (held.alive ? "held" : "lost")),
        put: (instance) =>
          answer(`put ${instance.id}`, () => {
            if (!held.alive) throw new LeaseLostError("the fake registry lost the lease");
            held.ids.add(instance.id);
            records.set(instance.id, instance);
            changed();
          }),
        remove: (id) => answer(`remove ${id}`, () => void (held.ids.delete(id) && drop(id))),
        release: () =>
          answer("release", () => {
            held.alive = false;
            for (const id of held.ids) drop(id);
          }),
      },
    };
    leases.push(held);
    return held.lease;
  };

  return {
    name: "fake:",
    asked,
    lease: ({ ttlMs }) => answer("lease", () => makeLease(ttlMs)),
    async *watch(service, { signal }) {
      asked.push(`watch ${service}`);
      let newest: Snapshot | undefined = snapshot(service);
      let wake: () => void = () => {};
      const push = (next: Snapshot): void => {
        newest = next;
        wake();
      };
      watches.set(push, service);
      const stop = (): void => wake();
      signal.addEventListener("abort", stop);
      try {
        while (!signal.aborted) {
          const next: Snapshot | undefined = newest;
          newest = undefined;
          if (next !== undefined) {
            if (delayMs > 0) await pause(delayMs);
            yield next;
          } else
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        watches.delete(push);
        signal.removeEventListener("abort", stop);
      }
    },
    get: (service) => answer(`get ${service}`, () => snapshot(service)),
    list: () => answer("list", () => summarize([...records.values()])),
    async close() {},
    add(instance) {
      records.set(instance.id, instance);
      changed();
    },
    remove: drop,
    fail(error) {
      failure = error;
      changed();
    },
    recover() {
      failure = undefined;
      changed();
    },
    loseLeases() {
      for (const held of leases) {
        held.alive = false;
        for (const id of held.ids) records.delete(id);
      }
      changed();
    },
    slow(ms) {
      delayMs = ms;
    },
  };
}

function summarize(instances: readonly Instance[]): readonly ServiceSummary[] {
  const names = [...new Set(instances.map((i) => i.service))].sort();
  return names.map((name) => {
    const all = instances.filter((i) => i.service === name);
    return { name, versions: [...new Set(all.map((i) => i.version))].sort(), instances: all.length };
  });
}

function realPause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
