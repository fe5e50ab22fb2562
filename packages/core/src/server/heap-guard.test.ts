import { expect, test } from "vitest";
import { type HeapUse, type Logger, silentLogger } from "../runtime.ts";
import { define, joinPair } from "../session/test/session-pair.ts";
import { createFakeRuntime } from "../testing/fake-clock.ts";
import type { QueueOptions } from "./queue-options.ts";

const MB = 1024 * 1024;

async function world(queue: Partial<QueueOptions> = {}) {
  const lines: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (_fields, message) => lines.push(message),
    warn: (_fields, message) => lines.push(message),
  };
  const w = { usedMb: 100, reads: 0, lines };
  const heap = (): HeapUse => {
    w.reads++;
    return { usedBytes: w.usedMb * MB, limitBytes: 1000 * MB };
  };
  const runtime = { ...createFakeRuntime(), heap };
  const service = define("user", {
    get: () => 1,
    vital: { handler: () => 2, priority: "critical" },
  });
  const pair = await joinPair({ service, runtime, server: { logger, queue } });
  const call = async (method: string): Promise<unknown> => {
    const made = pair.call(method);
    await made.ended;
    return made.error ?? made.value;
  };
  /** The first call notices, the second one feels it. */
  const at = async (usedMb: number): Promise<void> => {
    w.usedMb = usedMb;
    runtime.clock.advance(100);
    await call("get");
  };
  return Object.assign(w, { pair, runtime, call, at });
}

test("above 85 % only critical calls are taken; below 80 % all are again; one line each", async () => {
  const w = await world();
  await w.at(840);
  expect(await w.call("get")).toBe(1);
  expect(w.pair.server.overloaded).toBe(false);
  await w.at(860);
  expect(await w.call("get")).toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    executed: "no",
    retry: "elsewhere",
  });
  expect(await w.call("vital")).toBe(2);
  expect(w.pair.server.overloaded).toBe(true);
  await w.at(870);
  await w.at(810);
  expect(await w.call("get")).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  await w.at(790);
  expect(await w.call("get")).toBe(1);
  expect(w.pair.server.overloaded).toBe(false);
  expect(w.lines).toEqual([
    expect.stringContaining(
      "the heap is at 86 % (860 of 1000 MB): all calls but critical ones are refused until it is below 80 %",
    ),
    "the heap is at 79 % (790 of 1000 MB): calls are taken again",
  ]);
});

test("read at most each 100 ms, and not while nothing comes", async () => {
  const w = await world();
  const before = w.reads;
  for (let i = 0; i < 300; i++) {
    await w.call("get");
    w.runtime.clock.advance(1);
  }
  expect(w.reads - before).toBeGreaterThanOrEqual(2);
  expect(w.reads - before).toBeLessThanOrEqual(4);
  const after = w.reads;
  w.runtime.clock.advance(5000);
  expect(w.reads).toBe(after);
});

test("another share; none", async () => {
  const half = await world({ heapLimit: 0.5 });
  await half.at(510);
  expect(await half.call("get")).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  const off = await world({ heapLimit: false });
  await off.at(999);
  expect(await off.call("get")).toBe(1);
  expect(off.reads).toBe(0);
});
