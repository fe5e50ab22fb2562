import { registryConformance } from "@skein/conformance";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { createMemoryRegistry } from "./memory.ts";
import { memoryHarness } from "./test/memory-harness.ts";

registryConformance("memory", () => memoryHarness());

test("registries of one name in a process are one; without a name each is its own", async () => {
  const runtime = createFakeRuntime();
  const instance = {
    service: "user",
    version: "1",
    id: "i",
    addresses: [],
    weight: 1,
    status: "serving",
    startedAt: "",
    metadata: {},
  } as const;
  const make = (name?: string) => createMemoryRegistry({ runtime, name });
  await (await make("one").lease({ ttlMs: 1000 })).put(instance);
  expect((await make("one").get("user")).instances).toEqual([instance]);
  expect((await make("other").get("user")).instances).toEqual([]);
  expect((await make().get("user")).instances).toEqual([]);
  await runtime.clock.advanceAsync(1000);
  expect((await make("one").get("user")).instances).toEqual([]);
  expect(runtime.clock.timers).toBe(0);
});
