import { join } from "node:path";
import { sampleInstance, Watched } from "@skein/conformance";
import { InstancesProcess, nodeRuntime as runtime } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createRegistry } from "./create-registry.ts";
import { mdnsHarness } from "./test/mdns-harness.ts";
import { freeUdpPort } from "./test/udp-port.ts";

const undo: (() => unknown)[] = [];
let url: string;
beforeEach(async () => {
  url = `mdns://?interface=127.0.0.1&port=${await freeUdpPort()}`;
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
const clock = { pass: (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms)) };

function open(): Registry {
  const registry = createRegistry(url, { runtime, logger: silentLogger });
  undo.push(() => registry.close());
  return registry;
}
function watch(): Watched {
  const watched = new Watched(open(), "user");
  undo.push(() => watched.stop());
  return watched;
}

/** test/mdns-process.ts in a process of its own, ready. */
async function start(ttlMs: number, count: number): Promise<InstancesProcess> {
  const program = join(import.meta.dirname, "test/mdns-process.ts");
  const started = new InstancesProcess(program, { url, ttlMs, count });
  undo.push(() => started.kill());
  await started.ready;
  return started;
}

describe("processes", () => {
  test("find each other; one that leaves is gone at once, one that is killed within TTL + 1.5 s", async () => {
    const watched = watch();
    const [leaving, dying, staying] = await Promise.all([start(3000, 2), start(3000, 2), start(3000, 1)]);
    await watched.until((s) => s.instances.length === 5, clock, 3000);

    leaving.child.kill("SIGTERM");
    await watched.until((s) => s.instances.length === 3, clock, 2000);
    expect((await leaving.exited)[0]).toBe(0);

    dying.child.kill("SIGKILL");
    await watched.until((s) => s.instances.length === 1, clock, 3000 + 1500);
    expect(watched.seen.at(-1)?.instances.every((i) => staying.has(i.id))).toBe(true);
  }, 30_000);

  test("one that was stopped for longer than its TTL is gone meanwhile, and back soon after", async () => {
    const watched = watch();
    const { child } = await start(2000, 1);
    await watched.until((s) => s.instances.length === 1, clock, 3000);
    child.kill("SIGSTOP");
    await watched.until((s) => s.instances.length === 0, clock, 3600);
    await clock.pass(2000);
    child.kill("SIGCONT");
    await watched.until((s) => s.instances.length === 1, clock, 2000 / 3 + 1000);
  }, 30_000);

  test("a watcher whose loop was blocked for longer than the TTL loses nobody by it", async () => {
    const watched = watch();
    await start(2000, 3);
    await watched.until((s) => s.instances.length === 3, clock, 3000);
    const before = watched.seen.length;
    for (let n = 0; n < 5; n++) {
      const until = performance.now() + 1500 + n * 300;
      while (performance.now() < until);
      await clock.pass(n * 150);
    }
    await clock.pass(1000);
    expect(watched.seen.slice(before).filter((s) => s.instances.length !== 3)).toEqual([]);
  }, 30_000);

  test("500 instances of another process are all seen, stay, and are gone when it leaves", async () => {
    const { child } = await start(6000, 500);
    const watched = watch();
    await watched.until((s) => s.instances.length === 500, clock, 3000);
    const before = watched.seen.length;
    await clock.pass(8000);
    expect(watched.seen.length).toBe(before);
    child.kill("SIGTERM");
    await watched.until((s) => s.instances.length === 0, clock, 3000);
  }, 40_000);
});

test("with 30 % of all messages lost on the way in the view is full within 3 s", async () => {
  const harness = await mdnsHarness("skein", () => Math.random() < 0.3);
  undo.push(() => harness.close());
  const ids: string[] = [];
  for (let n = 0; n < 4; n++) {
    const lease = await (await harness.connect()).lease({ ttlMs: 30_000 });
    const all = Array.from({ length: 5 }, () => sampleInstance("user"));
    ids.push(...all.map((i) => i.id));
    await Promise.all(all.map((i) => lease.put(i)));
  }
  // Whoever comes after the announcements has to ask.
  await clock.pass(1500);
  const watched = new Watched(await harness.connect(), "user");
  undo.push(() => watched.stop());
  await watched.until((s) => s.instances.length === ids.length, clock, 3000);
});

test("two metadata of 8 KB, which no packet of one frame holds, come through", async () => {
  const watched = watch();
  const lease = await open().lease({ ttlMs: 10_000 });
  const random = (): string =>
    Array.from({ length: 4000 }, () => Math.floor(Math.random() * 36).toString(36)).join("");
  const all = [1, 2].map(() => sampleInstance("user", { metadata: { a: random(), b: random() } }));
  await Promise.all(all.map((i) => lease.put(i)));
  const { instances } = await watched.until((s) => s.instances.length === 2, clock, 3000);
  const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
  expect([...instances].sort(byId)).toEqual([...all].sort(byId));
});
