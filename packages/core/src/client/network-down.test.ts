import { afterEach, expect, it } from "vitest";
import { RpcError } from "../errors/rpc-error.ts";
import { settle } from "../testing/fake-clock.ts";
import { type AnyService, Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { netDown } from "./test/fake-session.ts";

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

const IDS = ["a", "b", "c"];

async function connected(): Promise<AnyService> {
  bench = new Bench();
  return await bench.serve(...IDS);
}

/** The broker goes: all connections at once. */
function down(): void {
  bench.transport.down = true;
  const cause = netDown();
  const lost = new RpcError("UNAVAILABLE", "the connection was lost", { executed: "maybe", cause });
  for (const id of IDS) bench.session(id).lose(lost);
}

/** The broker comes back: each instance is dialled, and answers HELLO and every call. */
async function up(...ids: string[]): Promise<void> {
  bench.transport.down = false;
  for (const id of IDS) if (!ids.includes(id)) bench.transport.refused.add(`fake://${id}`);
  const before = bench.sessions.length;
  await bench.runtime.clock.advanceAsync(150);
  expect(bench.sessions.length - before).toBe(ids.length);
  for (const id of ids) {
    const session = bench.session(id);
    session.onStart = (call) => session.answer("done", call);
    session.hello(bench.offers);
  }
  await settle();
}

it("in flight: idempotent calls wait and are sent once it is back, all of them; others are told at once", async () => {
  const user = await connected();
  const again = Array.from({ length: 300 }, (_, n) => outcome(user.call("getUser", n)));
  const once = outcome(user.call("addUser"));
  down();
  expect(await once).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  await bench.runtime.clock.advanceAsync(3000);
  await up(...IDS);
  expect(new Set(await Promise.all(again))).toEqual(new Set(["done"]));
});

it("begun meanwhile: waits, idempotent or not, and streams", async () => {
  const user = await connected();
  down();
  const calls = ["getUser", "addUser"].map((name) => outcome(user.call(name)));
  const items = user.call("watchUsers")[Symbol.asyncIterator]();
  const item = items.next();
  await bench.runtime.clock.advanceAsync(3000);
  await up("b");
  expect(await Promise.all(calls)).toEqual(["done", "done"]);
  expect(await item).toMatchObject({ done: true });
});

it("a deadline that passes meanwhile: DEADLINE_EXCEEDED with the reason, and whether it may have been executed", async () => {
  const user = await connected();
  const sent = outcome(user.call("getUser", 1, { timeoutMs: 1000 }));
  down();
  const unsent = outcome(user.call("addUser", 1, { timeoutMs: 1000 }));
  await bench.runtime.clock.advanceAsync(1000);
  const text = "user.addUser waited 1000 ms: none of 3 instances was connected: no connection to the broker";
  expect(await unsent).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "no", message: text });
  expect(await sent).toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
});

it("its dials wait between two tries, however many calls wait", async () => {
  const user = await connected();
  down();
  const calls = Array.from({ length: 50 }, (_, n) => outcome(user.call("getUser", n, { timeoutMs: 1000 })));
  const before = bench.transport.dials.length;
  await bench.runtime.clock.advanceAsync(1000);
  await Promise.all(calls);
  expect(bench.transport.dials.length - before).toBeLessThan(100);
});

it("calls that wait do not look again at each of its dials", async () => {
  const user = await connected();
  down();
  const calls = Array.from({ length: 50 }, (_, n) => outcome(user.call("getUser", n)));
  await settle();
  const [looks, dials] = [bench.selector.outcomes.length, bench.transport.dials.length];
  await bench.runtime.clock.advanceAsync(3000);
  expect(bench.transport.dials.length - dials).toBeGreaterThan(30);
  expect(bench.selector.outcomes.length).toBe(looks);
  await up("b");
  expect(new Set(await Promise.all(calls))).toEqual(new Set(["done"]));
});

it("is no instance's fault: none is called less for it, and no selector is told of a failure", async () => {
  const user = await connected();
  const calls = IDS.map((_, n) => outcome(user.call("addUser", n)));
  down();
  await Promise.all(calls);
  const failed = bench.selector.outcomes.map((told) => told.failed);
  expect(failed).toEqual([undefined, undefined, undefined]);
  await up(...IDS);
  expect(await Promise.all(IDS.map((_, n) => outcome(user.call("addUser", n))))).toEqual([
    "done",
    "done",
    "done",
  ]);
});

it("blames nobody for calls that were sent with little time left", async () => {
  const user = await connected();
  down();
  const call = outcome(user.call("getUser", 1, { timeoutMs: 200 }));
  bench.transport.down = false;
  await bench.runtime.clock.advanceAsync(120);
  for (const id of IDS) bench.session(id).hello(bench.offers);
  await settle();
  const here = bench.session(IDS.find((id) => bench.session(id).calls.length > 0) as string);
  await bench.runtime.clock.advanceAsync(80);
  here.refuse(new RpcError("DEADLINE_EXCEEDED", "the deadline passed", { executed: "maybe" }));
  expect(await call).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  expect(new Set(bench.selector.outcomes.map((told) => told.failed))).toEqual(new Set([undefined]));
});

it("an instance that is not there when it is back is lost as ever: calls end where there is no other", async () => {
  const user = await connected();
  const call = outcome(user.call("getUser"));
  down();
  await settle();
  await up();
  expect(await call).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  expect(await outcome(user.call("getUser"))).toMatchObject({
    code: "UNAVAILABLE",
    executed: "no",
    message: expect.stringContaining("none of 3 instances can be reached"),
  });
});

it("says nothing of an instance that could not be reached before: it is waited for as well", async () => {
  const user = await connected();
  bench.transport.refused.add("fake://a");
  for (const id of IDS) bench.session(id).lose();
  for (const id of IDS) bench.transport.refused.add(`fake://${id}`);
  await bench.runtime.clock.advanceAsync(500);
  expect(await outcome(user.call("getUser"))).toMatchObject({ code: "UNAVAILABLE" });
  bench.transport.down = true;
  await bench.runtime.clock.advanceAsync(5000);
  const call = outcome(user.call("getUser"));
  bench.transport.refused.clear();
  await up(...IDS);
  expect(await call).toBe("done");
});

it("leaves a call the retry that is paid for: its instance may be lost afterwards", async () => {
  const user = await connected();
  const call = outcome(user.call("getUser"));
  down();
  await settle();
  bench.transport.down = false;
  await bench.runtime.clock.advanceAsync(150);
  for (const id of IDS) bench.session(id).hello(bench.offers);
  await settle();
  const here = IDS.find((id) => bench.session(id).calls.length > 0) as string;
  bench.session(here).lose();
  await bench.runtime.clock.advanceAsync(60);
  const there = IDS.find((id) => id !== here && bench.session(id).calls.length > 0) as string;
  bench.session(there).answer("done");
  expect(await call).toBe("done");
});

it("is tried thrice at most: who loses it each time is told in the end", async () => {
  const user = await connected();
  const call = outcome(user.call("getUser"));
  for (let n = 0; n < 3; n++) {
    down();
    await settle();
    bench.transport.down = false;
    await bench.runtime.clock.advanceAsync(150);
    for (const id of IDS) bench.session(id).hello(bench.offers);
    await settle();
  }
  expect(await call).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
});

it("without retries what was in flight fails, and what is begun meanwhile waits", async () => {
  bench = new Bench({ retries: false });
  const user = await bench.serve(...IDS);
  const sent = outcome(user.call("getUser"));
  down();
  expect(await sent).toMatchObject({ code: "UNAVAILABLE" });
  const begun = outcome(user.call("getUser"));
  await up("a");
  expect(await begun).toBe("done");
});

it("a list that forgets everybody right after it is back ends nobody who has not been tried", async () => {
  const user = await connected();
  down();
  bench.registry.set("user", []);
  await settle();
  const call = outcome(user.call("getUser"));
  await up(...IDS);
  expect(await call).toBe("done");
});
