import { expect, test } from "vitest";
import { createClient, Rpc, RpcError, Service, serve } from "./index.ts";

@Service("limited")
class Limited {
  running = 0;
  most = 0;

  @Rpc({ limits: { concurrency: 3 } })
  async wait(_: { n: number }): Promise<void> {
    this.most = Math.max(this.most, ++this.running);
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.running--;
  }

  @Rpc({ limits: { ratePerSecond: 0.5, burst: 2 } })
  seldom(_: { n: number }): string {
    return "done";
  }
}

const quiet = { registry: "memory:", log: "silent", signals: false } as const;

test("limits of a method over TCP: concurrency is waited for, a rate is refused with when to come again", async () => {
  const limited = new Limited();
  await using app = await serve(limited, quiet);
  await using client = createClient({ registry: "memory:", log: "silent" });
  const service = client.service<Limited>("limited");
  await Promise.all(Array.from({ length: 30 }, (_, n) => service.wait({ n })));
  expect(limited.most).toBe(3);
  const ended = await Promise.allSettled([1, 2, 3].map((n) => service.seldom({ n })));
  const refused = ended.filter((e) => e.status === "rejected").map((e) => e.reason);
  expect(refused.length).toBe(1);
  expect(RpcError.is(refused[0])).toBe(true);
  expect(refused[0]).toMatchObject({ code: "RESOURCE_EXHAUSTED", executed: "no" });
  expect(app.state).toBe("serving");
});

test.each([
  [
    { queue: { target: 5 } },
    "queue.target is not known: there are maxQueue, targetMs, intervalMs, heapLimit",
  ],
  [{ queue: { heapLimit: 85 } }, "queue.heapLimit is 85: give a share above 0.05 and below 1, or false"],
  [{ limits: { maxCallsPerSecond: -1 } }, "limits.maxCallsPerSecond is -1: give calls a second, above 0"],
])("serve refuses %o", async (options, message) => {
  await expect(serve(new Limited(), { ...quiet, ...(options as object) })).rejects.toThrow(message);
});
