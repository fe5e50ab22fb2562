import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Instance, type Logger, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { createLocalRegistry } from "../local.ts";

/**
 * A process with instances of `user` in a local registry: `local-process.ts DIRECTORY TTL_MS COUNT`. Prints `ready` once they are registered,
 * `lost` and `held` when that changes, and what it warns of.
 */
const [directory, ttlMs, count] = process.argv.slice(2) as [string, string, string];
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const logger: Logger = {
  ...silentLogger,
  warn: (fields, message) => say(`warn ${message} ${errorOf(fields)}`),
};
const registry = createLocalRegistry({ runtime, directory, logger });
const keeper = createLeaseKeeper({ registry, runtime, logger, ttlMs: Number(ttlMs) });
keeper.subscribe(say);
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
setInterval(() => {}, 1 << 30);
process.on("SIGTERM", () => void keeper.close().then(() => process.exit(0)));
await Promise.all(instances.map((i) => keeper.put(i)));
say("ready");

function errorOf(fields: object): string {
  const { err } = fields as { err?: unknown };
  return err instanceof Error ? err.message : "";
}
