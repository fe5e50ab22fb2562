import type { RegistryHarness } from "@skein/conformance";
import type { Lease, Registry, Runtime } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { createMemoryRegistry } from "../memory.ts";

let names = 0;

/**
 * Memory on a fake clock.
 * @param wrap stands between the cases and the registry
 * @param ports what the registry itself is given
 */
export function memoryHarness(
  wrap: (good: Registry) => Registry = (good) => good,
  ports: (runtime: Runtime) => Runtime = (runtime) => runtime,
): RegistryHarness {
  const runtime = createFakeRuntime();
  const name = `harness-${++names}`;
  const open: Registry[] = [];
  const leases: Lease[] = [];
  return {
    abilities: { plantable: false, cuttable: false },
    runtime,
    ttlMs: 2000,
    connect() {
      const good = createMemoryRegistry({ runtime: ports(runtime), name });
      open.push(good);
      const lease = good.lease;
      good.lease = async (options) => {
        const held = await lease(options);
        leases.push(held);
        return held;
      };
      return wrap(good);
    },
    pass: (ms) => runtime.clock.advanceAsync(ms),
    revoke: async () => void (await Promise.all(leases.map((l) => l.release()))),
    close: async () => void (await Promise.all(open.map((r) => r.close()))),
  };
}
