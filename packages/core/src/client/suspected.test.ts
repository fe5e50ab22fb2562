import { afterEach, describe, expect, it } from "vitest";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING, outcome } from "./test/bench-client.ts";

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

describe("an instance that is suspected", () => {
  it("gives its idempotent calls to others, and keeps the rest and its connection", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const before = bench.sessions.map((s) => s.onStart);
    expect(before).toEqual([undefined, undefined]);
    const calls = [
      user.call("getUser", 1),
      user.call("getUser", 2),
      user.call("addUser", 3),
      user.call("addUser", 4),
    ];
    const ended = calls.map((call) => outcome(call));
    const a = bench.session("a");
    const b = bench.session("b");
    a.suspect(true);
    await settle();
    expect(a.calls.map((c) => c.endpoint.name)).toEqual(["addUser"]);
    expect(a.cancelled.map((c) => c.endpoint.name)).toEqual(["getUser"]);
    await bench.runtime.clock.advanceAsync(25);
    expect(b.calls.map((c) => c.endpoint.name)).toEqual(["getUser", "addUser", "getUser"]);
    expect(a.state).toBe("open");
    for (const call of [...b.calls]) b.answer("b", call);
    a.answer("a");
    expect(await Promise.all(ended)).toEqual(["b", "b", "a", "b"]);
  });

  it("keeps them when there is nobody else", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = outcome(user.call("getUser"));
    bench.session("a").suspect(true);
    await settle();
    expect(bench.session("a").cancelled).toEqual([]);
    bench.session("a").answer("late");
    expect(await call).toBe("late");
  });

  it("gives those that wait there for their turn to others, idempotent or not, at no cost", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const a = bench.session("a");
    const b = bench.session("b");
    a.maxCalls = b.maxCalls = 1;
    // a, b, a (waits), b (waits), a (waits), …: far more than there is budget for.
    const ended = Array.from({ length: 100 }, (_, n) => outcome(user.call("addUser", n)));
    expect([a.waiting.length, b.waiting.length]).toEqual([49, 49]);
    b.maxCalls = 1000;
    a.suspect(true);
    expect(a.waiting).toEqual([]);
    expect(b.waiting.length + b.calls.length).toBe(50 + 49);
    expect([...b.waiting, ...b.calls].every((call) => call.attempt === 0)).toBe(true);
    while (b.calls.length > 0) b.answer("b");
    a.answer("a");
    const answers = await Promise.all(ended);
    expect(answers.filter((answer) => answer === "a")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "b")).toHaveLength(99);
  });

  it("keeps those that wait there until another instance is ready again", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const a = bench.session("a");
    const b = bench.session("b");
    a.maxCalls = b.maxCalls = 1;
    const ended = Array.from({ length: 4 }, (_, n) => outcome(user.call("addUser", n)));
    b.suspect(true);
    await settle();
    expect([a.waiting.length, b.waiting.length]).toEqual([2, 0]);
    a.suspect(true);
    await settle();
    expect([a.waiting.length, b.waiting.length]).toEqual([2, 0]);
    b.answer("b");
    b.suspect(false);
    await settle();
    // One of a's own has nowhere to go but where it is: the one that came from b was there already.
    expect([a.waiting.length, b.calls.length]).toEqual([1, 1]);
    b.answer("b");
    a.answer("a");
    a.answer("a");
    expect(await Promise.all(ended)).toEqual(["a", "b", "b", "a"]);
  });

  it("takes back the waiting before the sent: no slot that is freed goes to one of them", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const a = bench.session("a");
    a.maxCalls = 1;
    const ended = ["getUser", "getUser", "addUser"].map((name) => outcome(user.call(name)));
    ended.push(outcome(user.call("addUser")), outcome(user.call("addUser")));
    expect(a.waiting).toHaveLength(2);
    a.suspect(true);
    await bench.runtime.clock.advanceAsync(25);
    expect(a.started).toHaveLength(1);
    expect(bench.session("b").calls).toHaveLength(5);
    while (bench.session("b").calls.length > 0) bench.session("b").answer("b");
    expect(await Promise.all(ended)).toEqual(["b", "b", "b", "b", "b"]);
  });

  it("keeps those that wait there when nothing may be tried again", async () => {
    bench = new Bench({ retries: false });
    const user = await bench.serve("a", "b");
    const a = bench.session("a");
    a.maxCalls = 1;
    const ended = [1, 2, 3].map((n) => outcome(user.call("addUser", n)));
    a.suspect(true);
    expect(a.waiting).toHaveLength(1);
    bench.session("b").answer("b");
    a.answer("a");
    a.answer("a");
    expect(await Promise.all(ended)).toEqual(["a", "b", "a"]);
  });
});
