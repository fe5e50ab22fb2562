import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Instance, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { createRegistry } from "../registry/create-registry.ts";

/** A process with instances of `user`: `nats-process.ts URL TTL_MS COUNT`. Prints `ready` once they are registered. */
const [url, ttlMs, count] = process.argv.slice(2) as [string, string, string];
const registry = createRegistry(url, { runtime, logger: silentLogger });
const keeper = createLeaseKeeper({ registry, runtime, logger: silentLogger, ttlMs: Number(ttlMs) });
const instances = Array.from(
  { length: Number(count) },
  (_, i): Instance => ({
    service: "user",
    version: "1.0.0",
    id: `${process.pid}-${i}`,
    addresses: [{ protocol: "skein", url: `tcp://127.0.0.1:${20_000 + i}` }],
    weight: 1,
    status: "serving",
    startedAt: "2026-01-01T00:00:00.000Z",
    metadata: {},
  }),
);
process.on("SIGTERM", () => void keeper.close().then(() => registry.close()));
await Promise.all(instances.map((i) => keeper.put(i)));
process.stdout.write("ready\n");
