import { type RegistryCase, type RegistryHarness, registryCases, runRegistryCase } from "@skein/conformance";
import type { Lease, Registry, Runtime } from "@skein/core";
import { expect, test } from "vitest";
import { localHarness } from "./test/local-harness.ts";
import { memoryHarness } from "./test/memory-harness.ts";
import { PLANTED, type Planted, passOn } from "./test/registry-faults.ts";

/** Of the event loop: a case over memory, whose clock is a fake one, has ended long before, or hangs. */
const TURNS = 5000;

function faulty(planted: Planted): RegistryHarness {
  const all: Lease[] = [];
  const owners = new Map<string, Lease>();
  const wrap = (good: Registry): Registry => ({
    name: good.name,
    watch: (service, o) => good.watch(service, o),
    get: (service) => good.get(service),
    list: () => good.list(),
    close: () => good.close(),
    async lease(o) {
      const lease = await good.lease(o);
      all.push(lease);
      return { ...passOn(lease), ...planted.lease?.(lease, all, owners) };
    },
    ...planted.registry?.(good),
  });
  if (planted.over !== undefined) return planted.over(wrap);
  return memoryHarness(wrap, planted.immortal === true ? withoutTimers : undefined);
}

function withoutTimers(runtime: Runtime): Runtime {
  const clock = Object.assign(Object.create(runtime.clock) as typeof runtime.clock, {
    setTimer: () => ({ cancel() {} }),
  });
  return { ...runtime, clock };
}

test.each(PLANTED)("a planted fault is found by: $case", async (planted) => {
  const each = registryCases.find((c) => c.name === planted.case) as RegistryCase;
  expect(each, planted.case).toBeDefined();
  await runRegistryCase(each, planted.over === undefined ? memoryHarness() : localHarness());
  const run = runRegistryCase(each, faulty(planted));
  if (planted.hangs === true) expect(await endsSoon(run)).toBe(false);
  else await expect(run).rejects.toThrow();
});

async function endsSoon(run: Promise<void>): Promise<boolean> {
  let ended = false;
  const end = (): void => {
    ended = true;
  };
  void run.then(end, end);
  for (let turn = 0; turn < TURNS && !ended; turn++) await new Promise((resolve) => setImmediate(resolve));
  return ended;
}

test("every case has its planted fault", () => {
  const without = registryCases.filter((c) => !PLANTED.some((p) => p.case === c.name));
  expect(without.map((c) => c.name)).toEqual([]);
});
