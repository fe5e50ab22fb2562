import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { JUDGED_MS, RETURN_MS } from "../../limits.ts";
import { FakeNats, type FakePort } from "../test/fake-nats.ts";
import { Link } from "./link.ts";

/** Asks where nobody is; what was told, and when. */
async function ask(clustered: boolean) {
  const runtime = createFakeRuntime();
  const nats = new FakeNats(runtime);
  const { link, release } = new Link({ runtime, connect: (events) => nats.connect(events) }).use(() => {});
  const port = link.port as FakePort;
  port.clustered = clustered;
  const told: { readonly at: number; readonly justBack: boolean }[] = [];
  const { reply } = link.expect(() => told.push({ at: runtime.clock.monotonic(), justBack: link.justBack }));
  const askedAt = runtime.clock.monotonic();
  port.publish("nobody", new Uint8Array(), reply);
  return { runtime, link, port, told, askedAt, release };
}

test("one server: that nobody is there is told at once", async () => {
  const { runtime, told, askedAt, release } = await ask(false);
  await runtime.clock.advanceAsync(5);
  expect(told.map(({ at }) => at - askedAt)).toEqual([1]);
  release();
});

test("a cluster: it waits for the word that a member is gone, after which others come back soon", async () => {
  const { runtime, link, port, told, askedAt, release } = await ask(true);
  await runtime.clock.advanceAsync(5);
  expect(told).toEqual([]);
  port.losesMember();
  await runtime.clock.advanceAsync(JUDGED_MS);
  expect(told.map(({ at, justBack }) => [at - askedAt, justBack])).toEqual([[1 + JUDGED_MS, true]]);
  await runtime.clock.advanceAsync(RETURN_MS);
  expect(link.justBack).toBe(false);
  release();
});
