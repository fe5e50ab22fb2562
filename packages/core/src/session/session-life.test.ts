import { expect, test } from "vitest";
import { settle } from "../testing/fake-clock.ts";
import { joinPair } from "./test/session-pair.ts";

test("drain: what runs is finished, new calls go elsewhere, the peer acknowledges, all at once when idle", async () => {
  let release: (v: string) => void = () => {};
  const pair = await joinPair({
    handlers: {
      slow: () =>
        new Promise<string>((resolve) => {
          release = resolve;
        }),
    },
  });
  const running = pair.call("slow");
  await settle();
  const drained = pair.server.drain();
  const late = pair.call("slow");
  await settle();
  expect(late.error).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
  expect(pair.events).toEqual(["ready", "draining"]);
  release("done");
  expect(await running.result()).toBe("done");
  await drained;
  await settle();
  expect(pair.session.state).toBe("closed");
  expect(pair.runtime.clock.monotonic()).toBe(0);
});

test("what still runs when the grace is over ends as UNAVAILABLE, maybe executed", async () => {
  let aborted = false;
  const pair = await joinPair({
    handlers: {
      stuck: (_, ctx) => {
        ctx.onAbort(() => {
          aborted = true;
        });
        return new Promise(() => {});
      },
    },
  });
  const call = pair.call("stuck");
  await settle();
  const drained = pair.server.drain({ graceMs: 500 });
  await pair.runtime.clock.advanceAsync(600);
  await drained;
  expect(call.error).toMatchObject({ code: "UNAVAILABLE", executed: "maybe", retry: "none" });
  expect(aborted).toBe(true);
});

test("a silent peer: ping, suspect, and dead; a byte clears the suspicion", async () => {
  const pair = await joinPair({ handlers: { slow: () => new Promise(() => {}) } });
  const call = pair.call("slow", undefined, { expiresAt: 60_000 });
  await settle();
  pair.link.frozen = true;
  await pair.runtime.clock.advanceAsync(1400);
  expect(pair.events).toEqual(["ready"]);
  await pair.runtime.clock.advanceAsync(200);
  expect(pair.events).toEqual(["ready", "suspect"]);
  pair.link.frozen = false;
  await settle();
  expect(pair.events).toEqual(["ready", "suspect", "cleared"]);
  pair.link.frozen = true;
  await pair.runtime.clock.advanceAsync(29_000);
  expect(pair.session.state).toBe("open");
  await pair.runtime.clock.advanceAsync(2_000);
  expect(call.error).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  expect(pair.session.state).toBe("closed");
});

test("a server that was silent until it was given up executes nothing of what it then reads", async () => {
  let ran = 0;
  const pair = await joinPair({ link: { automatic: false }, handlers: { work: () => ran++ } });
  pair.link.deliverAll();
  await settle();
  const call = pair.call("work", undefined, { expiresAt: 60_000 });
  await pair.runtime.clock.advanceAsync(31_000);
  expect(call.error).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  pair.link.deliverAll();
  await settle();
  expect(ran).toBe(0);
  expect(pair.server.running).toBe(0);
});

test("an idle connection is pinged, and dead after silence", async () => {
  const pair = await joinPair({ handlers: {} });
  await pair.runtime.clock.advanceAsync(60_000);
  expect(pair.session.state).toBe("open");
  pair.link.frozen = true;
  await pair.runtime.clock.advanceAsync(20_000);
  expect(pair.session.state).toBe("closed");
});

test("HELLO names service and instance: another one is refused and nothing is executed", async () => {
  const pair = await joinPair({ client: { service: "order" }, handlers: {} });
  expect(pair.session.state).toBe("closed");
  expect(pair.closed).toMatchObject({ code: "NOT_FOUND", executed: "no", retry: "elsewhere" });
  expect(pair.closed?.message).toBe("order is not served here: user 1.0.0 as instance-1");
  const other = await joinPair({ client: { instance: "instance-2" }, handlers: {} });
  expect(other.closed).toMatchObject({ code: "NOT_FOUND" });
});

test("no HELLO in time closes both ends", async () => {
  const pair = await joinPair({ link: { automatic: false }, handlers: {} });
  await pair.runtime.clock.advanceAsync(1100);
  expect(pair.closed).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  pair.link.deliverAll();
  expect(pair.server.connections).toBe(0);
});
