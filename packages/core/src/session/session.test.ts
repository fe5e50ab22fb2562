import { expect, test } from "vitest";
import type { CallContext } from "../context.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { settle } from "../testing/fake-clock.ts";
import { joinPair } from "./test/session-pair.ts";

test("a unary call: one frame each way, input and output as they are", async () => {
  const pair = await joinPair({
    handlers: { add: (input) => (input as number[]).reduce((a, b) => a + b, 0) },
  });
  expect(pair.events).toEqual(["ready"]);
  const call = pair.call("add", [1, 2, 3]);
  expect(pair.link.waiting.server).toBe(1);
  expect(await call.result()).toBe(6);
  expect(call.ends).toBe(1);
  expect(pair.server.running).toBe(0);
});

test("no input and no output are undefined on both sides", async () => {
  let seen: unknown = "none";
  const pair = await joinPair({
    handlers: {
      nothing: (input) => {
        seen = input;
      },
    },
  });
  expect(await pair.call("nothing").result()).toBeUndefined();
  expect(seen).toBeUndefined();
});

test("answers come back to their own calls, whatever their order", async () => {
  const gates: (() => void)[] = [];
  const pair = await joinPair({
    handlers: { wait: (input) => new Promise((resolve) => gates.push(() => resolve(input))) },
  });
  const calls = [1, 2, 3, 4].map((n) => pair.call("wait", n));
  await settle();
  for (const gate of gates.reverse()) gate();
  expect(await Promise.all(calls.map((c) => c.result()))).toEqual([1, 2, 3, 4]);
});

test("cancel: the handler is told, nothing is answered, the call counts until the handler ends", async () => {
  let context: CallContext | undefined;
  let release: () => void = () => {};
  const pair = await joinPair({
    handlers: {
      slow: (_, ctx) => {
        context = ctx;
        return new Promise<void>((resolve) => {
          release = resolve;
        });
      },
    },
  });
  const call = pair.call("slow");
  await settle();
  let told = 0;
  context?.onAbort(() => told++);
  pair.session.cancel(call);
  await settle();
  expect(told).toBe(1);
  expect(context?.aborted).toBe(true);
  expect(context?.signal.aborted).toBe(true);
  expect(pair.server.running).toBe(1);
  release();
  await settle();
  expect(pair.server.running).toBe(0);
  expect(call.ends).toBe(0);
});

test.each([100, 117, 5000])(
  "a deadline in %i ms is found to have passed within 4 ms, whatever else there is",
  async (timeLeft) => {
    const pair = await joinPair({ handlers: { stuck: () => new Promise(() => {}) } });
    void pair.call("stuck", undefined, { expiresAt: 60_000 });
    const call = pair.call("stuck", undefined, { expiresAt: timeLeft });
    await settle();
    for (let ms = 1; ms < timeLeft; ms++) pair.runtime.clock.advance(1);
    expect(call.ends).toBe(0);
    for (let ms = 0; ms <= 4; ms++) pair.runtime.clock.advance(1);
    expect(call.error).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
    pair.session.close();
  },
);

test("the deadline travels: the caller gives up, the handler is told", async () => {
  let context: CallContext | undefined;
  const pair = await joinPair({
    handlers: {
      slow: (_, ctx) => {
        context = ctx;
        ctx.onAbort(() => {});
        return new Promise(() => {});
      },
    },
  });
  const call = pair.call("slow", undefined, { expiresAt: 100 });
  await settle();
  expect(context?.timeLeftMs).toBe(100);
  await pair.runtime.clock.advanceAsync(120);
  expect(call.error).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe", retry: "none" });
  expect(context?.aborted).toBe(true);
});

test("expired work is not started", async () => {
  let ran = 0;
  const pair = await joinPair({ link: { automatic: false }, handlers: { work: () => ran++ } });
  pair.link.deliverAll();
  await settle();
  const call = pair.call("work", undefined, { expiresAt: 50 });
  pair.link.deliver("server");
  pair.runtime.clock.advance(60);
  await settle();
  pair.link.deliverAll();
  expect(ran).toBe(0);
  expect(call.error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
});

test("what a handler throws: an RpcError in its own words, anything else as INTERNAL with an id", async () => {
  const pair = await joinPair({
    handlers: {
      typed: () => {
        throw new RpcError("ABORTED", "try later", {
          executed: "no",
          retry: "elsewhere",
          type: "BUSY",
          details: { n: 1 },
        });
      },
      plain: () => {
        throw new Error("secret /etc/passwd");
      },
    },
  });
  await expect(pair.call("typed").result()).rejects.toMatchObject({
    code: "ABORTED",
    executed: "yes",
    retry: "none",
    type: "BUSY",
    details: { n: 1 },
  });
  const failed = pair.call("plain");
  await expect(failed.result()).rejects.toMatchObject({ code: "INTERNAL", executed: "yes", retry: "none" });
  expect(failed.error?.id).toMatch(/^id-/);
  expect(JSON.stringify(failed.error)).not.toContain("secret");
  expect(failed.error?.message).not.toContain("secret");
});

test("a lost connection: maybe executed; a call not sent yet: not executed, elsewhere", async () => {
  const pair = await joinPair({
    client: { limits: { maxCalls: 1 } },
    handlers: { slow: () => new Promise(() => {}) },
  });
  const sent = pair.call("slow");
  const waiting = pair.call("slow");
  await settle();
  pair.link.cut();
  expect(sent.error).toMatchObject({ code: "UNAVAILABLE", executed: "maybe", retry: "none" });
  expect(waiting.error).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
  expect(pair.events).toEqual(["ready", "closed"]);
  expect(pair.runtime.clock.timers).toBeLessThanOrEqual(1);
});

test("a lost connection that tells since when nothing was delivered: what was sent later was executed by nobody", async () => {
  const pair = await joinPair({ handlers: { slow: () => new Promise(() => {}) } });
  const { clock } = pair.runtime;
  const before = pair.call("slow");
  await clock.advanceAsync(5);
  const undeliveredSince = clock.monotonic();
  const sameTurn = pair.call("slow");
  await clock.advanceAsync(5);
  const after = pair.call("slow");
  pair.link.cut(Object.assign(new Error("nobody took it"), { undeliveredSince }));
  const maybe = { code: "UNAVAILABLE", executed: "maybe", retry: "none" };
  expect(before.error).toMatchObject(maybe);
  // In that very turn of the loop: it may have been delivered.
  expect(sameTurn.error).toMatchObject(maybe);
  expect(after.error).toMatchObject({ code: "UNAVAILABLE", executed: "no", retry: "elsewhere" });
});

test("calls that wait for a slot can be visited, and taken back before they are ever sent", async () => {
  let started = 0;
  const pair = await joinPair({
    client: { limits: { maxCalls: 1 } },
    handlers: { slow: () => new Promise(() => void started++) },
  });
  const calls = [1, 2, 3].map((n) => pair.call("slow", n));
  await settle();
  const seen: unknown[] = [];
  pair.session.eachWaiting((call) => {
    seen.push(call.input);
    if (call.input === 2) pair.session.cancel(call);
  });
  expect(seen).toEqual([2, 3]);
  expect(pair.session.pending).toBe(2);
  pair.session.each((call) => pair.session.cancel(call));
  await settle();
  expect(started).toBe(2);
  expect(calls.map((call) => call.id > 0)).toEqual([true, false, true]);
});

test("messages longer than a frame travel in parts", async () => {
  const pair = await joinPair({ link: { maxFrameBytes: 600 }, handlers: { echo: (input) => input } });
  const text = "é".repeat(5000);
  expect(await pair.call("echo", text).result()).toBe(text);
  expect(await pair.call("echo", "short").result()).toBe("short");
});

test("oversize is refused by the sender, and by the receiver, and the connection stays", async () => {
  const small = { limits: { maxMessageBytes: 1000 } };
  const pair = await joinPair({
    client: small,
    handlers: { echo: (input) => input, big: () => "x".repeat(2000) },
  });
  await expect(pair.call("echo", "x".repeat(2000)).result()).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    executed: "no",
    retry: "none",
  });
  await expect(pair.call("big").result()).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    executed: "yes",
  });
  expect(await pair.call("echo", "ok").result()).toBe("ok");
});

test("more calls than the peer allows wait for a slot", async () => {
  let most = 0;
  let now = 0;
  const pair = await joinPair({
    server: { limits: { maxCalls: 3 } },
    handlers: {
      work: async (input) => {
        most = Math.max(most, ++now);
        await settle();
        now--;
        return input;
      },
    },
  });
  const calls = Array.from({ length: 20 }, (_, i) => pair.call("work", i));
  expect(await Promise.all(calls.map((c) => c.result()))).toEqual([...Array(20).keys()]);
  expect(most).toBe(3);
});

test("metadata and trace context arrive; without a prototype", async () => {
  let context: CallContext | undefined;
  const pair = await joinPair({
    handlers: {
      see: (_, ctx) => {
        context = ctx;
        return { ...ctx.metadata };
      },
    },
  });
  const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  expect(
    await pair
      .call("see", undefined, { metadata: { traceparent, tenant: "größe", __proto__x: "1" } })
      .result(),
  ).toEqual({ traceparent, tenant: "größe", __proto__x: "1" });
  expect(context?.traceparent).toBe(traceparent);
  expect(Object.getPrototypeOf(context?.metadata)).toBeNull();
});

test("what user code brings about while its value is encoded is sent behind it", async () => {
  const pair = await joinPair({ handlers: { echo: (input) => input, slow: () => new Promise(() => {}) } });
  const slow = pair.call("slow");
  await settle();
  const meddling = {
    get a() {
      pair.session.cancel(slow);
      return 1;
    },
  };
  expect(await pair.call("echo", meddling).result()).toEqual({ a: 1 });
  const calling = {
    get a() {
      return pair.call("echo", 1);
    },
  };
  await expect(pair.call("echo", calling).result()).resolves.toBeDefined();
  expect(await pair.call("echo", "still well").result()).toBe("still well");
});
