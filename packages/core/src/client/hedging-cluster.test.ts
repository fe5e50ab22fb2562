import { expect, it } from "vitest";
import type { CallContext } from "../context.ts";
import { define } from "../session/test/session-pair.ts";
import { NOTHING, outcome } from "./test/bench-client.ts";
import { Cluster } from "./test/cluster.ts";

it("over the wire: the second says that it is a retry, the loser is told to stop, nobody executes it a third time", async () => {
  const cluster = new Cluster();
  const contexts = new Map<string, CallContext>();
  const finish = new Map<string, (value: string) => void>();
  for (const by of ["a", "b", "c"])
    cluster.start(
      by,
      define("user", {
        get: {
          idempotent: true,
          handler: (_, context) => {
            contexts.set(by, context);
            return new Promise((resolve) => finish.set(by, resolve));
          },
        },
      }),
    );
  cluster.list("user", "a", "b", "c");
  const policy = { services: { user: { methods: { get: { hedge: { afterMs: 20, maxExtra: 1 } } } } } };
  const client = cluster.client({ policy });
  const call = outcome(client.service<{ get(): Promise<string> }>("user").get());
  await cluster.runtime.clock.advanceAsync(100);
  expect([...contexts.values()].map((context) => context.attempt)).toEqual([0, 1]);
  const [first, second] = [...contexts.keys()] as [string, string];
  finish.get(second)?.("second");
  await cluster.runtime.clock.advanceAsync(1);
  expect(await call).toBe("second");
  expect(contexts.get(first)?.aborted).toBe(true);
  finish.get(first)?.("first");
  await cluster.runtime.clock.advanceAsync(100);
  expect(contexts.size).toBe(2);
  expect(await cluster.close()).toEqual(NOTHING);
});
