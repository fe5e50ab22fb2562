import { type Registry, silentLogger } from "@skein/core";
import { createMemoryRegistry } from "@skein/registry";
import { afterEach, beforeEach, expect, test } from "vitest";
import { announce } from "./announce.ts";
import { nodeRuntime } from "./node-runtime.ts";
import { collectLogs } from "./test/collect-logs.ts";

let registry: Registry;
beforeEach(() => {
  registry = createMemoryRegistry({ runtime: nodeRuntime });
});
afterEach(async () => {
  expect(process.listenerCount("SIGTERM")).toBe(0);
  expect(await registry.list()).toEqual([]);
  await registry.close();
});

test("a server that is not ours is in the registry until it is closed", async () => {
  const logs = collectLogs();
  {
    await using announced = await announce("crm", "127.0.0.1:8080", {
      registry,
      log: logs.logger,
      version: "2.0.0",
      metadata: { owner: "sales" },
      zone: "z1",
    });
    expect((await registry.get("crm")).instances).toEqual([announced.instance]);
    expect(announced.instance).toMatchObject({
      service: "crm",
      version: "2.0.0",
      addresses: [{ protocol: "tcp", url: "tcp://127.0.0.1:8080" }],
      status: "serving",
      metadata: { owner: "sales" },
      zone: "z1",
      weight: 1,
    });
    await announced.setStatus("not-ready");
    expect((await registry.get("crm")).instances).toMatchObject([{ status: "not-ready" }]);
    expect(logs.lines).toEqual([
      {
        level: "info",
        message: "announced crm 2.0.0 at tcp://127.0.0.1:8080 in memory:",
        service: "crm",
        version: "2.0.0",
        address: "tcp://127.0.0.1:8080",
        registry: "memory:",
      },
    ]);
    expect(process.listenerCount("SIGTERM")).toBe(1);
  }
  expect((await registry.get("crm")).instances).toEqual([]);
});

test.each([
  ["http://10.0.0.1:80/api", undefined, { protocol: "http", url: "http://10.0.0.1:80/api" }],
  ["grpc://10.0.0.1:80", undefined, { protocol: "grpc", url: "grpc://10.0.0.1:80" }],
  ["[::1]:80", "skein", { protocol: "skein", url: "tcp://[::1]:80" }],
])("the protocol of %s", async (address, protocol, expected) => {
  await using announced = await announce("crm", address, {
    registry,
    log: "silent",
    protocol,
    signals: false,
  });
  expect(announced.instance.addresses).toEqual([expected]);
});

test.each([
  ["crm", "8080", { registry: "memory:" }, "address=8080 is no address: give host:port or a URL"],
  ["a/b", "h:1", { registry: "memory:" }, 'the service name "a/b" cannot be a key in a registry'],
  [
    "crm",
    "h:1",
    { registry: "static://user=h:1" },
    "the registry static: is read-only: nothing can be announced there",
  ],
  ["crm", "h:1", { registry: "local:/dev/null/x" }, "the registry directory /dev/null/x cannot be made"],
])("refused: %s at %s", async (name, address, options, message) => {
  await expect(announce(name, address, { log: silentLogger, ...options })).rejects.toThrow(message);
});
