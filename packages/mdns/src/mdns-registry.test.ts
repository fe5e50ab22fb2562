import { sampleInstance } from "@skein/conformance";
import { type Instance, type Registry, type Snapshot, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { createFakeRuntime, type FakeRuntime, settle } from "@skein/core/testing";
import { beforeEach, describe, expect, test } from "vitest";
import { MdnsRegistry } from "./mdns-registry.ts";
import { goMicroLayout } from "./records/go-micro-layout.ts";
import { skeinLayout } from "./records/skein-layout.ts";
import { type FakeMember, FakeNetwork } from "./test/fake-network.ts";

let runtime: FakeRuntime;
let network: FakeNetwork;
beforeEach(() => start(1));

function start(seed: number): void {
  runtime = createFakeRuntime(seed);
  network = new FakeNetwork(runtime);
}

function connect(): { registry: Registry; medium: FakeMember } {
  const medium = network.join();
  const layouts = [skeinLayout("local"), goMicroLayout("micro")].slice(0, 1);
  const registry = new MdnsRegistry({ name: "mdns:", layouts, medium, runtime, logger: silentLogger });
  return { registry, medium };
}

/** Those who announce so many, with a keeper each. */
async function publish(count: number, ttlMs: number) {
  const { registry, medium } = connect();
  const keeper = createLeaseKeeper({ registry, runtime, logger: silentLogger, ttlMs });
  const all = Array.from({ length: count }, () => sampleInstance("user"));
  const put = Promise.all(all.map((i) => keeper.put(i)));
  await runtime.clock.advanceAsync(10);
  await put;
  return { registry, medium, keeper, ids: all.map((i) => i.id) };
}

/** What a watch says, with times. */
function follow(registry: Registry, service = "user") {
  const seen: { at: number; snapshot: Snapshot }[] = [];
  const abort = new AbortController();
  void (async () => {
    for await (const snapshot of registry.watch(service, { signal: abort.signal }))
      seen.push({ at: runtime.clock.monotonic(), snapshot });
  })();
  return {
    seen,
    abort,
    get newest(): Snapshot | undefined {
      return seen.at(-1)?.snapshot;
    },
    get ids(): string[] | undefined {
      return seen.at(-1)?.snapshot.instances.map((i) => i.id);
    },
  };
}

/** Ms until it is so; gives up after `most`. */
async function timeUntil(ok: () => boolean, most: number): Promise<number> {
  for (let ms = 0; ms <= most; ms += 10) {
    if (ok()) return ms;
    await runtime.clock.advanceAsync(10);
  }
  return Number.POSITIVE_INFINITY;
}
const same = (a: readonly string[] | undefined, b: readonly string[]): boolean =>
  a !== undefined && [...a].sort().join() === [...b].sort().join();

describe("with 30 % of all messages lost", () => {
  test("the view is full within 3 s: 100 runs with 5 processes and 40 instances", async () => {
    const took: number[] = [];
    for (let seed = 1; seed <= 100; seed++) {
      start(seed);
      network.loss = 0.3;
      const ids: string[] = [];
      const keepers = [];
      for (let n = 0; n < 5; n++) {
        const publisher = await publish(8, 30_000);
        keepers.push(publisher.keeper);
        ids.push(...publisher.ids);
      }
      await runtime.clock.advanceAsync(15_000);
      const watch = follow(connect().registry);
      took.push(await timeUntil(() => same(watch.ids, ids), 10_000));
    }
    took.sort((a, b) => a - b);
    console.log(took[50], took[90], took[99]);
    expect(took.at(-1)).toBeLessThanOrEqual(3000);
  }, 60_000);
});
