import { afterEach, describe, expect, it } from "vitest";
import type { CallContext } from "../context.ts";
import type { OutgoingCall } from "../session/outgoing-call.ts";
import { settle } from "../testing/fake-clock.ts";
import type { CallOptions } from "../types/call-options.ts";
import type { ClientOptions } from "./client-options.ts";
import type { HedgePolicy } from "./policy.ts";
import { type AnyService, Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { error, type FakeSession } from "./test/fake-session.ts";

const NEVER_WRITTEN = error("UNAVAILABLE", "no", "elsewhere", "the instance is draining");
const LOST = error("UNAVAILABLE", "maybe", "none", "the connection was lost");
const GONE = error("NOT_FOUND", "yes", "none", "no such user");
const BROKEN = error("INTERNAL", "yes", "none", "it broke");

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

/** Two instances, and calls that are hedged after 10 ms, as often as one likes. */
async function hedged(
  hedge: HedgePolicy | boolean = { afterMs: 10, maxExtra: 1 },
  options: Partial<ClientOptions> = {},
): Promise<AnyService> {
  bench = new Bench({ ...options, policy: { ...options.policy, hedge } });
  return await bench.serve("a", "b");
}

interface Pair {
  readonly call: Promise<unknown>;
  readonly first: FakeSession;
  readonly second: FakeSession;
}
/** A call that has just been hedged. */
async function both(user: AnyService, options?: CallOptions): Promise<Pair> {
  const call = outcome(user.call("getUser", 1, options));
  const [first] = bench.sessions.filter((s) => s.calls.length > 0) as [FakeSession];
  await bench.runtime.clock.advanceAsync(10);
  const [second] = bench.sessions.filter((s) => s !== first && s.calls.length > 0) as [FakeSession];
  expect([first.calls.length, second.calls.length]).toEqual([1, 1]);
  return { call, first, second };
}
const started = (): number => bench.sessions.reduce((sum, s) => sum + s.started.length, 0);

describe("a call without an answer after the delay", () => {
  it("is sent to another instance, marked as a retry, while the first try goes on", async () => {
    const user = await hedged();
    const call = outcome(user.call("getUser", "x", { metadata: { a: "b" } }));
    await bench.runtime.clock.advanceAsync(9);
    expect(started()).toBe(1);
    await bench.runtime.clock.advanceAsync(1);
    const sent = bench.sessions.flatMap((s) => s.calls);
    expect(sent.map(({ input, metadata, attempt }) => ({ input, metadata, attempt }))).toEqual([
      { input: "x", metadata: { a: "b" }, attempt: expect.any(Number) },
      { input: "x", metadata: { a: "b" }, attempt: expect.any(Number) },
    ]);
    expect(sent.map((c) => c.attempt).sort()).toEqual([0, 1]);
    expect(new Set(sent.map((c) => c.expiresAt)).size).toBe(1);
    for (const session of bench.sessions) if (session.calls.length > 0) session.answer("done");
    expect(await call).toBe("done");
  });

  it("takes the second answer when it is the first to come, and cancels the first try", async () => {
    const { call, first, second } = await both(await hedged());
    second.answer("second");
    expect(await call).toBe("second");
    expect(first.cancelled).toHaveLength(1);
    expect(bench.client.report()).toMatchObject([{ started: 1, succeeded: 1, failed: 0 }]);
  });

  it("takes the first answer when it comes first, and cancels the second try", async () => {
    const { call, first, second } = await both(await hedged());
    first.answer("first");
    expect(await call).toBe("first");
    expect(second.cancelled).toHaveLength(1);
    expect(bench.selector.outcomes.map(({ failed }) => failed)).toEqual([false, undefined]);
  });

  it("is not sent a third time", async () => {
    const { call, first } = await both(await hedged());
    await bench.runtime.clock.advanceAsync(1000);
    expect(started()).toBe(2);
    first.answer("first");
    await call;
  });
});

describe("who fails", () => {
  it.each([
    ["the first", NEVER_WRITTEN],
    ["the second", NEVER_WRITTEN],
    ["the first", LOST],
    ["the second", LOST],
    ["the first", BROKEN],
    ["the second", BROKEN],
  ])("%s: the other is waited for: %s", async (who, why) => {
    const { call, first, second } = await both(await hedged());
    const [failing, other] = who === "the first" ? [first, second] : [second, first];
    failing.refuse(why);
    await bench.runtime.clock.advanceAsync(100);
    expect(started()).toBe(2);
    other.answer("other");
    expect(await call).toBe("other");
  });

  it.each(["the first", "the second"])("%s, as the service says no: that is the answer", async (who) => {
    const { call, first, second } = await both(await hedged());
    const [saying, other] = who === "the first" ? [first, second] : [second, first];
    saying.refuse(GONE);
    expect(await call).toMatchObject({ code: "NOT_FOUND", executed: "yes", instance: saying.instance });
    expect(other.cancelled).toHaveLength(1);
  });

  it("both: the first's error is what counts; a second try that may have run was the retry that is paid for", async () => {
    bench = new Bench({ policy: { hedge: { afterMs: 10, maxExtra: 1 } } });
    const user = await bench.serve("a", "b", "c");
    const { call, first, second } = await both(user);
    first.refuse(LOST);
    second.refuse(error("UNAVAILABLE", "maybe", "none", "lost as well"));
    expect(await call).toMatchObject({ message: "user.getUser: the connection was lost", executed: "maybe" });
    expect(started()).toBe(2);
  });

  it("both, the first without being executed: it is tried elsewhere, for nothing", async () => {
    bench = new Bench({ policy: { hedge: { afterMs: 10, maxExtra: 1 } } });
    const user = await bench.serve("a", "b", "c");
    const { call, first, second } = await both(user);
    second.refuse(NEVER_WRITTEN);
    first.refuse(NEVER_WRITTEN);
    const third = bench.sessions.find((s) => s.calls.length > 0) as FakeSession;
    expect([first, second]).not.toContain(third);
    expect(third.calls[0]?.attempt).toBe(0);
    third.answer("third");
    expect(await call).toBe("third");
  });

  it("both, the second perhaps executed: that is said", async () => {
    const { call, first, second } = await both(await hedged());
    second.refuse(LOST);
    first.refuse(NEVER_WRITTEN);
    expect(await call).toMatchObject({
      message: "user.getUser: the instance is draining",
      executed: "maybe",
    });
  });

  it("a suspected first try is left to the second, a suspected second try is taken back", async () => {
    const { call, first, second } = await both(await hedged());
    first.suspect(true);
    expect(first.calls).toEqual([]);
    second.answer("second");
    expect(await call).toBe("second");
    first.suspect(false);
    await settle();
    const next = await both(bench.user());
    next.second.suspect(true);
    expect(next.second.calls).toEqual([]);
    next.first.answer("first");
    expect(await next.call).toBe("first");
  });
});

describe("the call's end ends both tries", () => {
  it("cancelled by its caller", async () => {
    const controller = new AbortController();
    const { call, first, second } = await both(await hedged(), { signal: controller.signal });
    controller.abort();
    expect(await call).toMatchObject({ code: "CANCELLED", executed: "maybe" });
    expect([first.cancelled.length, second.cancelled.length]).toEqual([1, 1]);
  });

  it("cancelled when the first has failed already", async () => {
    const controller = new AbortController();
    const { call, first, second } = await both(await hedged(), { signal: controller.signal });
    first.refuse(NEVER_WRITTEN);
    controller.abort();
    expect(await call).toMatchObject({ code: "CANCELLED", executed: "maybe" });
    expect(second.cancelled).toHaveLength(1);
  });

  it("its deadline: the second is not waited for", async () => {
    const { call, first, second } = await both(await hedged(), { timeoutMs: 50 });
    await bench.runtime.clock.advanceAsync(40);
    first.refuse(error("DEADLINE_EXCEEDED", "maybe", "none", "the deadline passed"));
    expect(await call).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(second.cancelled).toHaveLength(1);
  });

  it("refused when its deadline has passed: the second may have run", async () => {
    const { call, first, second } = await both(await hedged(), { timeoutMs: 50 });
    await bench.runtime.clock.advanceAsync(40);
    first.refuse(NEVER_WRITTEN);
    expect(await call).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    expect(second.cancelled).toHaveLength(1);
  });

  it("closing the client", async () => {
    const { call } = await both(await hedged());
    await bench.client.close();
    expect(await call).toMatchObject({ code: "CANCELLED", executed: "maybe" });
  });
});

describe("is never hedged", () => {
  const context = { timeLeftMs: 1000, aborted: false, attempt: 1, onAbort: () => () => {} };
  const retried: Partial<ClientOptions> = {
    contextStore: { get: () => context as unknown as CallContext, run: (_, fn, a) => fn(a) },
  };
  it.each<[string, string, CallOptions, Partial<ClientOptions>]>([
    ["a call that is not idempotent", "addUser", {}, {}],
    ["a call whose caller says so", "getUser", { idempotent: false }, {}],
    ["a call that may not be tried again", "getUser", { retries: false }, {}],
    ["a stream of answers", "watchUsers", { idempotent: true }, {}],
    ["a stream of inputs", "importUsers", { idempotent: true }, {}],
    ["a call inside of a retried one", "getUser", {}, retried],
    [
      "a call where there is no budget",
      "getUser",
      {},
      { policy: { retryBudget: { ratio: 0, perSecond: 0 } } },
    ],
  ])("%s", async (_, method, options, client) => {
    const user = await hedged({ afterMs: 10, maxExtra: 1 }, client);
    const object = user.call(method, [], { timeoutMs: 500, ...options });
    const ended = method === "watchUsers" ? object[Symbol.asyncIterator]().next() : outcome(object);
    await bench.runtime.clock.advanceAsync(100);
    expect(started()).toBe(1);
    bench.sessions.find((s) => s.calls.length > 0)?.answer("done");
    await ended;
  });

  it("a call with nobody else to ask, or only a suspect", async () => {
    const user = await hedged();
    bench.session("a").suspect(true);
    await settle();
    const call = outcome(user.call("getUser"));
    await bench.runtime.clock.advanceAsync(100);
    expect(started()).toBe(1);
    bench.session("b").answer("done");
    expect(await call).toBe("done");
  });

  it("a paid retry", async () => {
    bench = new Bench({ policy: { hedge: { afterMs: 10, maxExtra: 1 }, retries: { backoffMs: 0 } } });
    const user = await bench.serve("a", "b", "c");
    const call = outcome(user.call("getUser"));
    bench.sessions.find((s) => s.calls.length > 0)?.refuse(LOST);
    await bench.runtime.clock.advanceAsync(100);
    expect(started()).toBe(2);
    bench.sessions.find((s) => s.calls.length > 0)?.answer("done");
    expect(await call).toBe("done");
  });

  it("anything, where hedging is off", async () => {
    const user = await hedged(false);
    const call = outcome(user.call("getUser"));
    await bench.runtime.clock.advanceAsync(1000);
    expect(started()).toBe(1);
    bench.sessions.find((s) => s.calls.length > 0)?.answer("done");
    await call;
  });
});

describe("when, and how often", () => {
  /** Calls one after the other, each answered after so many ms. */
  async function run(user: AnyService, times: number, ms: (i: number) => number): Promise<void> {
    for (let i = 0; i < times; i++) {
      const call = outcome(user.call("getUser", i));
      await bench.runtime.clock.advanceAsync(ms(i));
      for (const session of bench.sessions) if (session.calls.length > 0) session.answer("done");
      await call;
    }
  }

  it("p95: not before 20 calls were answered, and then after as long as 95 % of them take", async () => {
    const user = await hedged({ maxExtra: 1 });
    await run(user, 19, (i) => i + 1);
    await run(user, 1, () => 60);
    expect(started()).toBe(20);
    // 1 to 19 ms and 60 ms: the 19th of 20, within its bucket
    const call = outcome(user.call("getUser"));
    await bench.runtime.clock.advanceAsync(18.9);
    expect(started()).toBe(21);
    await bench.runtime.clock.advanceAsync(19 * 0.2);
    expect(started()).toBe(22);
    for (const session of bench.sessions) if (session.calls.length > 0) session.answer("done");
    await call;
  });

  it("maxExtra: a share of the calls, none of them in advance", async () => {
    const user = await hedged({ afterMs: 1, maxExtra: 0.1 });
    await run(user, 9, () => 5);
    expect(started()).toBe(9);
    await run(user, 1, () => 5);
    expect(started()).toBe(11);
    await run(user, 40, () => 5);
    expect(started()).toBe(55);
  });

  it("the retry budget is paid from, and no more than there is", async () => {
    const user = await hedged(
      { afterMs: 1, maxExtra: 1 },
      { policy: { retryBudget: { ratio: 0, perSecond: 0.5, windowMs: 10_000 } } },
    );
    await run(user, 20, () => 5);
    expect(started()).toBe(25);
  });

  it("not before what waits in the sockets was read, as after our own loop stood still", async () => {
    const user = await hedged();
    const call = outcome(user.call("getUser"));
    const read = bench.runtime.yieldToIo;
    bench.runtime.yieldToIo = (fn) => {
      for (const session of bench.sessions) if (session.calls.length > 0) session.answer("done");
      read(fn);
    };
    await bench.runtime.clock.advanceAsync(5000);
    expect(await call).toBe("done");
    expect(started()).toBe(1);
  });

  it("many at once: each after its own delay", async () => {
    const user = await hedged({ afterMs: 10, maxExtra: 1 });
    const calls: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i++) {
      calls.push(outcome(user.call("getUser", i)));
      await bench.runtime.clock.advanceAsync(1);
      expect(started()).toBe(Math.max(i + 1, 2 * (i + 1) - 9));
    }
    for (const session of bench.sessions) while (session.calls.length > 0) session.answer("done");
    await Promise.all(calls);
  });
});

/** So many calls, one a ms, to 25 instances of which one takes 100 ms. */
async function day(
  calls: number,
  hedge: boolean,
): Promise<{ p50: number; p99: number; sent: number; most: number }> {
  bench = new Bench({ policy: { hedge } });
  const { clock, random } = bench.runtime;
  const user = await bench.serve(...Array.from({ length: 25 }, (_, i) => `i${i}`));
  const executed = new Array<number>(calls).fill(0);
  for (const session of bench.sessions)
    session.onStart = (call: OutgoingCall) => {
      executed[call.input as number] = (executed[call.input as number] as number) + 1;
      const ms = session.options.instance === "i7" ? 100 : 1 + random();
      clock.setTimer(ms, () => {
        if (session.calls.includes(call)) session.answer(call.input, call);
      });
    };
  const took: number[] = [];
  const ended: Promise<unknown>[] = [];
  for (let i = 0; i < calls; i++) {
    const began = clock.monotonic();
    const call = user.call("getUser", i);
    ended.push(
      call.then((value) => {
        expect(value).toBe(i);
        took.push(clock.monotonic() - began);
      }),
    );
    await clock.advanceAsync(1);
  }
  await clock.advanceAsync(200);
  await Promise.all(ended);
  took.sort((a, b) => a - b);
  const at = (q: number): number => took[Math.floor(q * calls)] as number;
  expect(took).toHaveLength(calls);
  expect([...bench.selector.open.values()].every((open) => open === 0)).toBe(true);
  const sent = executed.reduce((sum, n) => sum + n, 0);
  return { p50: at(0.5), p99: at(0.99), sent, most: Math.max(...executed) };
}

it("one of 25 is slow: hedging takes it out of the 99th percentile, with 5 % more calls at most, none executed thrice", async () => {
  const calls = 10_000;
  const without = await day(calls, false);
  expect(await bench.close()).toEqual(NOTHING);
  const hedged = await day(calls, true);
  expect(without).toMatchObject({ sent: calls, most: 1, p99: 100 });
  expect(hedged.sent).toBeGreaterThan(calls);
  expect(hedged.sent).toBeLessThanOrEqual(calls * 1.05);
  expect(hedged.most).toBe(2);
  expect(hedged.p99).toBeLessThan(10);
  expect(hedged.p50).toBeLessThan(3);
});
