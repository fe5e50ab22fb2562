import { transportConformance } from "@skein/conformance";
import { expect, test } from "vitest";
import { createMemoryNetwork, createMemoryTransport } from "./memory.ts";
import { testRuntime } from "./test/runtime.ts";

const runtime = testRuntime();

transportConformance("memory", {
  create: () => ({
    transport: createMemoryTransport({ runtime, network: createMemoryNetwork() }),
    address: "memory://here",
    nowhere: "memory://nowhere",
    close: () => {},
  }),
});

test("networks do not see each other; transports without one share the process's", async () => {
  const network = createMemoryNetwork();
  const inside = createMemoryTransport({ runtime, network });
  const listener = await inside.listen("memory:a", (connection) => connection.close());
  await createMemoryTransport({ runtime, network }).dial("memory://a", { timeoutMs: 1 });
  const outside = createMemoryTransport({ runtime });
  await expect(outside.dial("memory://a", { timeoutMs: 1 })).rejects.toThrow(
    "memory://a: nobody listens there in this process",
  );
  await listener.close();
});

test("without a name one is made up; another scheme is refused", async () => {
  const transport = createMemoryTransport({ runtime, network: createMemoryNetwork() });
  const [a, b] = [await transport.listen("memory:", () => {}), await transport.listen("memory://", () => {})];
  expect(a.address).toMatch(/^memory:\/\/port-\d+$/);
  expect(b.address).not.toBe(a.address);
  await expect(transport.dial("tcp://127.0.0.1:1", { timeoutMs: 1 })).rejects.toThrow("is no memory address");
});
