import { expect, test } from "vitest";
import type { CallContext } from "../context.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { settle } from "../testing/fake-clock.ts";
import { joinPair } from "./test/session-pair.ts";

async function* count(to: number): AsyncGenerator<number> {
  for (let i = 0; i < to; i++) yield i;
}
async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const out: unknown[] = [];
  for await (const item of items) out.push(item);
  return out;
}

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

test("streams in each direction", async () => {
  const pair = await joinPair({
    handlers: {
      count: { kind: "server-stream", handler: (input) => count(input as number) },
      sum: {
        kind: "client-stream",
        handler: async (input) => {
          let sum = 0;
          for await (const n of input as AsyncIterable<number>) sum += n;
          return sum;
        },
      },
      double: {
        kind: "bidi-stream",
        handler: async function* (input) {
          for await (const n of input as AsyncIterable<number>) yield n * 2;
        },
      },
    },
  });
  const stream = pair.call("count", 1000);
  expect(await collect(stream.items as AsyncIterable<unknown>)).toEqual([...Array(1000).keys()]);
  expect(await stream.result()).toBeUndefined();
  expect(await pair.call("sum", count(100)).result()).toBe(4950);
  expect(await collect(pair.call("double", count(5)).items as AsyncIterable<unknown>)).toEqual([
    0, 2, 4, 6, 8,
  ]);
  expect(pair.server.running).toBe(0);
  expect(pair.session.pending).toBe(0);
});

test("an error in a generator arrives as that error, behind the items before it", async () => {
  const pair = await joinPair({
    handlers: {
      fails: {
        kind: "server-stream",
        handler: async function* () {
          yield 1;
          throw new RpcError("NOT_FOUND", "no second item", { details: { at: 1 } });
        },
      },
    },
  });
  const seen: unknown[] = [];
  const call = pair.call("fails");
  const reading = (async () => {
    for await (const item of call.items as AsyncIterable<unknown>) seen.push(item);
  })();
  await expect(reading).rejects.toMatchObject({
    code: "NOT_FOUND",
    message: "no second item",
    executed: "yes",
    retry: "none",
    details: { at: 1 },
  });
  expect(seen).toEqual([1]);
});

test("break ends the generator at the other end", async () => {
  let ended = "no";
  const pair = await joinPair({
    handlers: {
      forever: {
        kind: "server-stream",
        handler: async function* () {
          try {
            for (let i = 0; ; i++) yield i;
          } finally {
            ended = "yes";
          }
        },
      },
    },
  });
  for await (const item of pair.call("forever").items as AsyncIterable<unknown>) if (item === 10) break;
  await settle();
  expect(ended).toBe("yes");
  expect(pair.server.running).toBe(0);
  expect(pair.session.pending).toBe(0);
});

test("a slow reader bounds what is sent ahead", async () => {
  let made = 0;
  const pair = await joinPair({
    client: { limits: { streamWindowBytes: 4096 } },
    handlers: {
      big: {
        kind: "server-stream",
        handler: async function* () {
          for (; made < 1000; made++) yield "x".repeat(100);
        },
      },
    },
  });
  const { items } = pair.call("big");
  for (let i = 0; i < 20; i++) await settle();
  expect(made).toBeGreaterThan(5);
  expect(made).toBeLessThan(300);
  expect((await collect(items as AsyncIterable<unknown>)).length).toBe(1000);
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

test("a stream that its handler cuts short at the deadline does not look whole", async () => {
  let context: CallContext | undefined;
  const pair = await joinPair({
    handlers: {
      until: {
        kind: "server-stream",
        handler: async function* (_, ctx) {
          context = ctx;
          yield 1;
          await new Promise<void>((resolve) => ctx.onAbort(() => resolve()));
        },
      },
    },
  });
  const call = pair.call("until", undefined, { expiresAt: 100 });
  const seen: unknown[] = [];
  const reading = (async () => {
    for await (const item of call.items as AsyncIterable<unknown>) seen.push(item);
  })();
  const failed = reading.catch((error: unknown) => error);
  await settle();
  // The handler knows before the caller's own look at its deadlines.
  pair.runtime.clock.advance(100);
  expect(context?.aborted).toBe(true);
  await pair.runtime.clock.advanceAsync(20);
  expect(await failed).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(seen).toEqual([1]);
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
