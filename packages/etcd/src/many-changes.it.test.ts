import { nodeRuntime } from "@skein/conformance/node";
import { type Logger, silentLogger } from "@skein/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRegistry } from "./create-registry.ts";
import { EtcdServer, etcdBinary } from "./test/etcd-server.ts";
import { Gateway } from "./test/gateway.ts";

const CHANGES = 800;

describe.skipIf(etcdBinary() === undefined)("among many changes", () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await EtcdServer.create();
    await server.start();
  });
  afterAll(() => server.close());

  test("lists and events overtake each other: that is no reset", async () => {
    const lines: string[] = [];
    const logger: Logger = { ...silentLogger, warn: (_, line) => void lines.push(line) };
    const registry = createRegistry(server.url, { runtime: nodeRuntime, logger });
    const abort = new AbortController();
    let seen = 0;
    const watching = (async () => {
      for await (const { instances } of registry.watch("user", { signal: abort.signal }))
        seen = instances.length;
    })();
    const gateway = new Gateway(server.address);
    const writing = (async () => {
      for (let n = 0; n < CHANGES; n += 8)
        await Promise.all(
          Array.from({ length: 8 }, (_, i) =>
            gateway.put(`/services/user/1.0.0/10.0.${(n + i) >> 8}.${(n + i) & 255}:80`, "active"),
          ),
        );
    })();
    let done = false;
    const over = writing.then(() => {
      done = true;
    });
    while (!done) await Promise.all([registry.get("user"), registry.get("user"), registry.get("user")]);
    await over;
    await expect.poll(() => seen, { timeout: 5000 }).toBe(CHANGES);
    abort.abort();
    await watching;
    await registry.close();
    expect(lines).toEqual([]);
  });
});
