import type { Lease } from "@skein/core";
import { expect, test } from "vitest";
import { NodeRegistry, type RegistryNode } from "./node-registry.ts";

function made() {
  const did: string[] = [];
  let held: () => void = () => {};
  const waiting = new Promise<void>((resolve) => {
    held = resolve;
  });
  const node: RegistryNode = {
    malformed: 0,
    async lease(ttlMs, _, over) {
      if (ttlMs === 2) await waiting;
      const released = async (): Promise<void> => {
        did.push(`released ${ttlMs}`);
        over();
      };
      const lease: Lease = {
        ttlMs,
        renew: async () => "held",
        put: async () => {},
        remove: async () => {},
        release: released,
      };
      return lease;
    },
    watch: () => () => void did.push("unwatched"),
    get: async () => ({ instances: [], revision: 0 }),
    list: async () => [],
    close: async () => void did.push("closed"),
  };
  return { registry: new NodeRegistry("test:", node), did, held };
}

test("closed: watches end, leases are released before the node closes, and nothing is asked any more", async () => {
  const { registry, did } = made();
  await registry.lease({ ttlMs: 1 });
  const next = registry
    .watch("user", { signal: new AbortController().signal })
    [Symbol.asyncIterator]()
    .next();
  await Promise.all([registry.close(), registry.close()]);
  expect((await next).done).toBe(true);
  expect(did).toEqual(["unwatched", "released 1", "closed"]);
  await expect(registry.get("user")).rejects.toThrow("test: is closed");
  await expect(registry.list()).rejects.toThrow("test: is closed");
  await expect(registry.lease({ ttlMs: 1 })).rejects.toThrow("test: is closed");
});

test("a lease that nobody wants any more when it comes is released", async () => {
  const { registry, did, held } = made();
  const abort = new AbortController();
  const asked = registry.lease({ ttlMs: 2, signal: abort.signal });
  abort.abort(new Error("no longer wanted"));
  held();
  await expect(asked).rejects.toThrow("no longer wanted");
  expect(did).toEqual(["released 2"]);
});
