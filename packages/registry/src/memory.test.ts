import { registryConformance } from "@skein/conformance";
import { createFakeRuntime } from "@skein/core/testing";
import { createMemoryRegistry } from "./memory.ts";

let names = 0;
registryConformance("memory", () => {
  const runtime = createFakeRuntime();
  const name = `test-${++names}`;
  const open: ReturnType<typeof createMemoryRegistry>[] = [];
  return {
    abilities: { plantable: false },
    ttlMs: 2000,
    connect() {
      const registry = createMemoryRegistry({ runtime, name });
      open.push(registry);
      return registry;
    },
    pass: (ms) => runtime.clock.advanceAsync(ms),
    close: async () => void (await Promise.all(open.map((r) => r.close()))),
  };
});
