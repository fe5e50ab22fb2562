import { afterEach, describe, expect, it } from "vitest";
import { RpcError } from "../errors/rpc-error.ts";
import type { SelectorOptions } from "../selector.ts";
import { settle } from "../testing/fake-clock.ts";
import type { CallOptions } from "../types/call-options.ts";
import { DEFAULT_POLICY, type Policy } from "./policy.ts";
import { type AnyService, Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { error } from "./test/fake-session.ts";
import { createCountingSelector } from "./test/round-robin.ts";

const NEVER_WRITTEN = error("UNAVAILABLE", "no", "elsewhere");
const LOST = error("UNAVAILABLE", "maybe", "none", "the connection was lost");

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

/** A client of five instances that end each call as it comes. */
async function withPolicy(policy: Policy, end: RpcError | string = "done"): Promise<AnyService> {
  bench = new Bench({ policy });
  bench.runtime.random = () => 0.999;
  const user = await bench.serve("a", "b", "c", "d", "e");
  for (const session of bench.sessions)
    session.onStart = (call) => (RpcError.is(end) ? session.refuse(end, call) : session.answer(end, call));
  return user;
}
const tries = (): number => bench.sessions.reduce((sum, session) => sum + session.started.length, 0);

describe("calls", () => {
  it("timeoutMs: which deadline a call has, and who says so", async () => {
    bench = new Bench({
      timeoutMs: 100,
      policy: {
        timeoutMs: 90,
        services: { user: { timeoutMs: 80, methods: { getUser: { timeoutMs: 70 } } } },
      },
    });
    bench.offers = { ...bench.offers, getUser: { timeoutMs: 10 }, addUser: { timeoutMs: 10 } };
    const user = await bench.serve("a");
    const expiresAt = async (of: AnyService, name: string, options?: CallOptions): Promise<number> => {
      const ended = outcome(of.call(name, 1, options));
      const session = bench.session("a");
      const [call] = session.calls;
      session.answer("done");
      await ended;
      return call?.expiresAt ?? Number.NaN;
    };
    expect(await expiresAt(user, "getUser", { timeoutMs: 50 })).toBe(50);
    expect(await expiresAt(bench.user({ timeoutMs: 60 }), "getUser")).toBe(60);
    expect(await expiresAt(user, "getUser")).toBe(70);
    expect(await expiresAt(user, "addUser")).toBe(80);
    expect(await expiresAt(user, "importUsers")).toBe(Number.POSITIVE_INFINITY);
    const elsewhere = bench.other("other");
    bench.registry.set("other", []);
    const call = outcome(elsewhere.call("any", 1, { waitForReady: true }));
    await bench.runtime.clock.advanceAsync(89);
    let ended = false;
    void call.then(() => (ended = true));
    await settle();
    expect(ended).toBe(false);
    await bench.runtime.clock.advanceAsync(1);
    expect(await call).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  });

  it("idempotent: what may be tried again where nobody knows", async () => {
    const user = await withPolicy(
      { services: { user: { methods: { addUser: { idempotent: true } } } } },
      LOST,
    );
    const call = outcome(user.call("addUser"));
    await bench.runtime.clock.advanceAsync(25);
    await call;
    expect(tries()).toBe(2);
    await outcome(user.call("addUser", 1, { idempotent: false }));
    await outcome(bench.user({ idempotent: false }).call("addUser"));
    expect(tries()).toBe(4);
  });

  it("waitForReady: who waits for an instance", async () => {
    bench = new Bench({ policy: { services: { user: { waitForReady: true } } } });
    const user = bench.user();
    bench.list();
    const call = outcome(user.call("getUser"));
    expect(await outcome(user.call("getUser", 1, { waitForReady: false }))).toMatchObject({
      code: "NOT_FOUND",
    });
    bench.list("a");
    await settle();
    bench.session("a").hello(bench.offers);
    await settle();
    bench.session("a").answer("done");
    expect(await call).toBe("done");
  });
});

describe("retries", () => {
  it.each([
    [{ retries: { maxTries: 1 } }, 1],
    [{ retries: { maxTries: 5 } }, 5],
    [{ retries: true }, 3],
    [{ retries: false }, 1],
  ])("%j: how often a call is tried", async (policy, times) => {
    const user = await withPolicy(policy, NEVER_WRITTEN);
    await outcome(user.call("getUser"));
    expect(tries()).toBe(times);
  });

  it("are off or on as the call says, before every policy", async () => {
    const user = await withPolicy({ retries: false }, NEVER_WRITTEN);
    await outcome(user.call("getUser", 1, { retries: true }));
    expect(tries()).toBe(3);
    await outcome(bench.user({ retries: true }).call("getUser"));
    expect(tries()).toBe(6);
  });

  it.each([
    [{ backoffMs: 100 }, 99],
    [{ backoffMs: 100, maxBackoffMs: 60 }, 59],
    [{ backoffMs: 0 }, 0],
  ])("%j: how long is waited before a paid one", async (retries, ms) => {
    const user = await withPolicy({ retries }, LOST);
    const call = outcome(user.call("getUser"));
    await bench.runtime.clock.advanceAsync(ms);
    expect(tries()).toBe(ms === 0 ? 2 : 1);
    await bench.runtime.clock.advanceAsync(1);
    expect(tries()).toBe(2);
    await call;
  });

  it.each([
    [{ perSecond: 0, ratio: 0.5, losses: false }, 20],
    [{ perSecond: 1, ratio: 0, losses: false }, 10],
    [{ perSecond: 1, ratio: 0, windowMs: 5000, losses: false }, 5],
    [{ perSecond: 0, ratio: 0, losses: false }, 0],
    [{ perSecond: 0, ratio: 0 }, 40],
  ])("%j: how many are paid for of 40", async (retryBudget, retries) => {
    const user = await withPolicy({ retryBudget, retries: { backoffMs: 0 } }, LOST);
    for (let i = 0; i < 40; i++) await outcome(user.call("getUser"));
    expect(tries() - 40).toBe(retries);
  });
});

describe("connections", () => {
  it.each([
    [{}, 99],
    [{ backoffMs: 400 }, 399],
    [{ backoffMs: 400, maxBackoffMs: 200 }, 199],
  ])("%j: how long is waited before the next attempt", async (connect, ms) => {
    bench = new Bench({ policy: { connect } });
    bench.runtime.random = () => 0.999;
    bench.transport.refused.add("fake://a");
    bench.user();
    bench.list("a");
    await settle();
    await bench.runtime.clock.advanceAsync(ms);
    expect(bench.transport.dials).toHaveLength(1);
    await bench.runtime.clock.advanceAsync(1);
    expect(bench.transport.dials).toHaveLength(2);
  });

  it("connect.timeoutMs: how long HELLO is waited for, by service", async () => {
    bench = new Bench({
      policy: { connect: { timeoutMs: 700 }, services: { other: { connect: { timeoutMs: 5 } } } },
    });
    bench.user();
    bench.list("a");
    await settle();
    expect(bench.session("a").options.limits?.helloMs).toBe(700);
  });

  it("liveness: when a silent one is suspected", async () => {
    bench = new Bench({ policy: { liveness: { quietMs: 50 } } });
    await bench.serve("a");
    expect(bench.session("a").options.liveness).toEqual({ ...DEFAULT_POLICY.liveness, quietMs: 50 });
  });

  it.each([
    [{}, 20],
    [{ subset: { size: 7 } }, 7],
    [{ subset: { above: 130 } }, 120],
    [{ subset: false }, 120],
    [{ subset: { above: 1, size: 1 } }, 1],
  ])("%j: how many of 120 are connected to", async (policy, connected) => {
    bench = new Bench({ policy });
    bench.user();
    bench.list(...Array.from({ length: 120 }, (_, i) => `i${i}`));
    await settle();
    expect(bench.transport.dials).toHaveLength(connected);
  });
});

it("ejection and slowStart: selectors are told, by service", async () => {
  const told: SelectorOptions[] = [];
  const { factory } = createCountingSelector();
  bench = new Bench({
    selector: (given) => {
      told.push(given);
      return factory(given);
    },
    policy: { slowStart: false, services: { user: { ejection: { consecutive: 2 } } } },
  });
  bench.user();
  bench.other("other");
  expect(told.map(({ policy }) => policy)).toEqual([
    { ejection: { ...DEFAULT_POLICY.ejection, consecutive: 2 }, slowStart: undefined },
    { ejection: DEFAULT_POLICY.ejection, slowStart: undefined },
  ]);
});
