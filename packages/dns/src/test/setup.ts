import { nodeRuntime } from "@skein/conformance/node";
import { type Logger, type Registry, type Snapshot, silentLogger } from "@skein/core";
import { afterEach } from "vitest";
import { createRegistry } from "../dns-registry.ts";
import { TestDnsServer } from "./dns-server.ts";

const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** Closed after the test. */
export async function dnsServer(port?: number): Promise<TestDnsServer> {
  const server = await TestDnsServer.start(port);
  let open = true;
  const close = server.close.bind(server);
  server.close = async () => {
    if (open) await close();
    open = false;
  };
  ended.push(() => server.close());
  return server;
}

/** Closed after the test. */
export function open(url: string, logger: Logger = silentLogger): Registry {
  const registry = createRegistry(url, { runtime: nodeRuntime, logger, namespace: undefined });
  ended.push(() => registry.close());
  return registry;
}

export const urls = (snapshot: Snapshot): readonly (string | undefined)[] =>
  snapshot.instances.map((i) => i.addresses[0]?.url);

/** Snapshots of a watch, one after another; ended with the test. */
export function watched(registry: Registry, service: string): () => Promise<Snapshot> {
  const iterator = registry.watch(service, { signal: new AbortController().signal })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await iterator.next();
    if (done === true) throw new Error("the watch has ended");
    return value as Snapshot;
  };
}
