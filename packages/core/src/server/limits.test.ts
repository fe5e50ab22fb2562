import { expect, test } from "vitest";
import { define, joinPair } from "../session/test/session-pair.ts";
import { settle } from "../testing/fake-clock.ts";

/** A method whose handlers end when they are told to. */
function held(limits: object) {
  const ends: (() => void)[] = [];
  let most = 0;
  let running = 0;
  const handler = async (input: unknown): Promise<unknown> => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running--;
    return input;
  };
  return {
    ends,
    get most() {
      return most;
    },
    get running() {
      return running;
    },
    service: define("user", { held: { handler, limits }, free: () => "free" }),
  };
}

test("a method's handlers run so many at once; others are not held up", async () => {
  const h = held({ concurrency: 2 });
  const pair = await joinPair({ service: h.service });
  const calls = [1, 2, 3, 4, 5].map((n) => pair.call("held", n));
  const free = pair.call("free");
  await free.ended;
  await settle();
  expect(h.running).toBe(2);
  for (let i = 0; i < 5; i++) {
    h.ends[i]?.();
    await settle();
  }
  expect(calls.map((call) => call.value)).toEqual([1, 2, 3, 4, 5]);
  expect(h.most).toBe(2);
  expect(pair.server.running).toBe(0);
});

test("cancelled work counts until its handler ends; what was cancelled while it waited is let go at once", async () => {
  const h = held({ concurrency: 1 });
  const pair = await joinPair({ service: h.service });
  const [first, second, third] = [pair.call("held", 1), pair.call("held", 2), pair.call("held", 3)];
  await settle();
  pair.session.cancel(first);
  pair.session.cancel(second);
  await settle();
  expect([h.running, h.ends.length, pair.server.running]).toEqual([1, 1, 2]);
  h.ends[0]?.();
  await settle();
  h.ends[1]?.();
  await third.ended;
  expect([third.value, h.ends.length, pair.server.running]).toEqual([3, 2, 0]);
});

test("a wait for a slot that lasts too long ends as not executed", async () => {
  const h = held({ concurrency: 1 });
  const pair = await joinPair({ service: h.service });
  const first = pair.call("held", 1);
  const late = pair.call("held", 2, { expiresAt: pair.runtime.clock.monotonic() + 50 });
  await settle();
  // Its caller looks at 52 ms.
  pair.runtime.clock.advance(51);
  h.ends[0]?.();
  await first.ended;
  await late.ended;
  expect(late.error).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no" });
  expect(h.ends.length).toBe(1);
});

test("a method's rate: refused as not executed, with when to come again", async () => {
  const service = define("user", {
    get: { handler: () => 1, limits: { ratePerSecond: 10, burst: 2 } },
    free: () => 2,
  });
  const pair = await joinPair({ service });
  const calls = [1, 2, 3].map(() => pair.call("get"));
  await Promise.all([...calls, pair.call("free")].map((call) => call.ended));
  expect(calls.map((call) => call.error?.code)).toEqual([undefined, undefined, "RESOURCE_EXHAUSTED"]);
  expect(calls[2]?.error).toMatchObject({
    executed: "no",
    retryAfterMs: 100,
    message: expect.stringContaining("get has reached its limits"),
  });
  pair.runtime.clock.advance(100);
  const again = pair.call("get");
  await again.ended;
  expect(again.value).toBe(1);
});

test("a connection's rate", async () => {
  const pair = await joinPair({ handlers: { get: () => 1 }, server: { limits: { maxCallsPerSecond: 4 } } });
  const calls = [1, 2, 3, 4, 5].map(() => pair.call("get"));
  await Promise.all(calls.map((call) => call.ended));
  expect(calls[4]?.error).toMatchObject({ code: "RESOURCE_EXHAUSTED", executed: "no", retryAfterMs: 250 });
  expect(calls.slice(0, 4).every((call) => call.value === 1)).toBe(true);
});

test.each([
  [{ maxCallsPerSecond: 0 }, "limits.maxCallsPerSecond is 0: give calls a second, above 0, or leave it out"],
  [{ maxCallsPerSecond: "9" }, "limits.maxCallsPerSecond is 9"],
  [{ maxCall: 9 }, "limits.maxCall is not known"],
])("limits of a server: %o is refused", async (limits, message) => {
  await expect(joinPair({ server: { limits: limits as object } })).rejects.toThrow(message);
});
