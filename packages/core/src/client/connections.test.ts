import { afterEach, describe, expect, it } from "vitest";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { instance } from "./test/fake-registry.ts";
import { error } from "./test/fake-session.ts";

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

const lines = (): string[] =>
  bench.log.filter((l) => l.level !== "debug").map((l) => `${l.level} ${l.message}`);
const ids = (n: number): string[] => Array.from({ length: n }, (_, i) => `i${i}`);

describe("connecting", () => {
  it("reaches sets of up to 100 as a whole, before any call", async () => {
    bench = new Bench();
    bench.user();
    bench.list(...ids(100));
    await settle();
    expect(bench.transport.dials).toHaveLength(100);
  });

  it("reaches 20 of larger sets, others in each client, and replaces those that go", async () => {
    bench = new Bench();
    const user = bench.user();
    bench.list(...ids(300));
    await settle();
    expect(new Set(bench.transport.dials).size).toBe(20);
    const far = bench.transport.dials.filter((url) => Number(url.slice("fake://i".length)) >= 100);
    expect(far.length).toBeGreaterThan(5);
    for (const session of bench.sessions) session.hello(bench.offers);
    await settle();
    for (let i = 0; i < 20; i++) void outcome(user.call("addUser"));
    expect(bench.sessions.map((s) => s.calls.length)).toEqual(Array.from({ length: 20 }, () => 1));
    const gone = bench.sessions[0]?.options.instance;
    bench.transport.refused.add(`fake://${gone}`);
    bench.session(gone as string).lose();
    await settle();
    expect(bench.sessions.filter((s) => s.state !== "closed")).toHaveLength(20);
    expect(bench.transport.dials).toHaveLength(21);
  });

  it("gives up one of the 20 for one that comes, at most, and lets its calls end", async () => {
    bench = new Bench();
    const user = bench.user();
    bench.list(...ids(300));
    await settle();
    for (const session of bench.sessions) session.hello(bench.offers);
    await settle();
    const calls = Array.from({ length: 20 }, () => outcome(user.call("addUser")));
    let n = 300;
    const left = () => bench.sessions.filter((s) => s.state === "draining");
    for (; left().length === 0; n++) {
      bench.list(...ids(n + 1));
      await settle();
      expect(bench.sessions.length - left().length).toBe(20);
    }
    // The newest came in
    expect(bench.sessions).toHaveLength(21);
    expect(bench.sessions[20]?.options.instance).toBe(`i${n - 1}`);
    bench.sessions[20]?.hello(bench.offers);
    await settle();
    const [gone] = left();
    for (let i = 0; i < 40; i++) void outcome(user.call("addUser"));
    expect(gone?.calls).toHaveLength(1);
    for (const session of bench.sessions) for (const call of [...session.calls]) session.answer("done", call);
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, () => "done"));
    gone?.lose();
    await bench.runtime.clock.advanceAsync(10_000);
    // It is not missed, and nobody is blamed
    expect(bench.sessions).toHaveLength(21);
    expect(lines().filter((line) => line.startsWith("warn"))).toEqual([]);
    // When the newest goes it is wanted again
    bench.list(...ids(n - 1));
    bench.sessions[20]?.lose();
    await settle();
    expect(bench.sessions).toHaveLength(22);
    expect(bench.sessions[21]?.options.instance).toBe(gone?.options.instance);
  });

  it("asks for the instance by its id; one written down by hand may be anybody", async () => {
    bench = new Bench();
    bench.user();
    bench.list("a", "static:10.0.0.1:80");
    await settle();
    expect(bench.sessions.map((s) => s.options.instance)).toEqual(["a", undefined]);
    expect(bench.sessions.map((s) => s.options.service)).toEqual(["user", "user"]);
    expect(bench.sessions[0]?.options.limits).toEqual({ helloMs: 1000 });
  });

  it("dials the first of its addresses that speaks skein over a transport we have", async () => {
    bench = new Bench();
    bench.user();
    const addresses = [
      { protocol: "http", url: "fake://http" },
      { protocol: "skein", url: "tcp://10.0.0.1:80" },
      { protocol: "skein", url: "fake://here" },
    ];
    bench.registry.set("user", [instance("a", { addresses })]);
    await settle();
    expect(bench.transport.dials).toEqual(["fake://here"]);
  });

  it("says what an instance has when none of that can be dialled", async () => {
    bench = new Bench();
    const call = outcome(bench.user().call("getUser"));
    const addresses = [{ protocol: "skein", url: "tcp://10.0.0.1:80" }];
    bench.registry.set("user", [instance("a", { addresses })]);
    expect(await call).toMatchObject({
      code: "UNAVAILABLE",
      executed: "no",
      message:
        "user.getUser: none of 1 instance can be reached: it has skein tcp://10.0.0.1:80, and this client dials skein over fake",
    });
  });

  it("sends credentials, asked for anew each time", async () => {
    let n = 0;
    bench = new Bench({ credentials: async () => `secret-${++n}` });
    bench.user();
    bench.list("a");
    await settle();
    expect(bench.sessions[0]?.options.credentials).toBe("secret-1");
    bench.sessions[0]?.hello(bench.offers).lose();
    await bench.runtime.clock.advanceAsync(200);
    expect(bench.sessions[1]?.options.credentials).toBe("secret-2");
  });

  it("gives HELLO what dialling has left of the time", async () => {
    bench = new Bench({ policy: { connect: { timeoutMs: 400 } } });
    const dial = bench.transport.dial.bind(bench.transport);
    bench.transport.dial = async (address, options) => {
      bench.runtime.clock.advance(150);
      return await dial(address, options);
    };
    bench.user();
    bench.list("a");
    await settle();
    expect(bench.sessions[0]?.options.limits).toEqual({ helloMs: 250 });
  });
});

describe("a call while instances are being connected to", () => {
  it("waits for the first of them", async () => {
    bench = new Bench();
    bench.transport.silent.add("fake://a");
    bench.transport.refused.add("fake://b");
    const call = outcome(bench.user().call("getUser"));
    bench.list("a", "b", "c");
    await settle();
    bench.session("c").hello(bench.offers);
    await settle();
    bench.session("c").answer("from c");
    expect(await call).toBe("from c");
  });

  it("fails at once when all of them have refused", async () => {
    bench = new Bench();
    const user = bench.user();
    const waiting = outcome(user.call("getUser"));
    for (const id of ["a", "b"]) bench.transport.refused.add(`fake://${id}`);
    bench.list("a", "b");
    const refused = {
      code: "UNAVAILABLE",
      executed: "no",
      service: "user",
      method: "getUser",
      message: "user.getUser: none of 2 instances can be reached: fake://a: connection refused",
    };
    expect(await waiting).toMatchObject(refused);
    expect(await outcome(user.call("getUser"))).toMatchObject(refused);
    expect(bench.runtime.clock.monotonic()).toBe(0);
  });

  it("waits on when it is told to", async () => {
    bench = new Bench();
    bench.transport.refused.add("fake://a");
    const call = outcome(bench.user().call("getUser", 1, { waitForReady: true }));
    bench.list("a");
    await bench.runtime.clock.advanceAsync(1000);
    bench.transport.refused.clear();
    await bench.runtime.clock.advanceAsync(3000);
    bench.session("a").hello(bench.offers);
    await settle();
    bench.session("a").answer("at last");
    expect(await call).toBe("at last");
  });

  it("is told what lasts: credentials refused", async () => {
    bench = new Bench();
    const call = outcome(bench.user().call("getUser"));
    bench.list("a");
    await settle();
    bench.session("a").lose(error("UNAUTHENTICATED", "no", "elsewhere", "the credentials were refused"));
    expect(await call).toMatchObject({
      code: "UNAUTHENTICATED",
      message: "user.getUser: none of 1 instance can be reached: the credentials were refused",
    });
  });
});

describe("a connection that fails", () => {
  it("is tried again with full jitter, from 100 ms up to 5 s", async () => {
    bench = new Bench();
    bench.runtime.random = () => 0.5;
    bench.transport.refused.add("fake://a");
    bench.user();
    bench.list("a");
    await settle();
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      const from = bench.runtime.clock.monotonic();
      const before = bench.transport.dials.length;
      while (bench.transport.dials.length === before) await bench.runtime.clock.advanceAsync(1);
      waits.push(bench.runtime.clock.monotonic() - from);
    }
    expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 2500, 2500, 2500]);
    expect(lines()).toEqual(["info instance came", "warn instance cannot be reached"]);
  });

  it("that had held is replaced at once when a call wants it", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    await bench.runtime.clock.advanceAsync(5000);
    bench.session("a").lose();
    const call = outcome(user.call("getUser"));
    await settle();
    expect(bench.transport.dials).toHaveLength(2);
    bench.session("a").hello(bench.offers);
    await settle();
    bench.session("a").answer("again");
    expect(await call).toBe("again");
    expect(lines()).toEqual(["info instance came", "warn instance lost"]);
  });

  it("does not come back faster than its back-off when it never holds", async () => {
    bench = new Bench();
    bench.runtime.random = () => 0.5;
    const user = bench.user();
    bench.list("a");
    await settle();
    for (let i = 0; i < 200; i++) {
      const newest = bench.session("a");
      if (newest.state === "opening") newest.hello(bench.offers).goaway();
      await outcome(user.call("getUser", 1, { timeoutMs: 10 }));
      await bench.runtime.clock.advanceAsync(10);
    }
    // Each call that finds nobody asks for a try within half a second: no sooner than after half of that.
    expect(bench.transport.dials.length).toBeLessThanOrEqual(4 + 4000 / 250);
  });

  it("is tried within half a second while calls find nobody, however long it was away", async () => {
    bench = new Bench();
    bench.runtime.random = () => 0.999;
    bench.transport.refused.add("fake://a").add("fake://b");
    const user = bench.user();
    bench.list("a", "b");
    await bench.runtime.clock.advanceAsync(60_000);
    const dials = (): number => bench.transport.dials.length;
    const idle = dials();
    await bench.runtime.clock.advanceAsync(10_000);
    expect(dials() - idle).toBeLessThanOrEqual(6);
    const before = dials();
    for (let i = 0; i < 100; i++) {
      expect(await outcome(user.call("addUser"))).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
      await bench.runtime.clock.advanceAsync(100);
    }
    expect(dials() - before).toBeGreaterThanOrEqual(2 * (10_000 / 700));
    expect(dials() - before).toBeLessThanOrEqual(2 * (10_000 / 250));
    bench.transport.refused.clear();
    await outcome(user.call("addUser"));
    await bench.runtime.clock.advanceAsync(500);
    for (const id of ["a", "b"]) expect(bench.session(id).state).toBe("opening");
  });

  it("leaves the instance out of the picks until another try succeeds", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    bench.transport.refused.add("fake://a");
    bench.session("a").lose();
    await bench.runtime.clock.advanceAsync(3000);
    for (let i = 0; i < 4; i++) void outcome(user.call("getUser"));
    expect(bench.session("b").calls).toHaveLength(4);
    bench.transport.refused.clear();
    await bench.runtime.clock.advanceAsync(5000);
    bench.session("a").hello(bench.offers);
    await settle();
    for (let i = 0; i < 4; i++) void outcome(user.call("getUser"));
    expect(bench.session("a").calls).toHaveLength(2);
  });

  it("because somebody else answers there is never called", async () => {
    bench = new Bench();
    const call = outcome(bench.user().call("addUser"));
    bench.list("a");
    await settle();
    const why = "fake serves order as z, not user as a";
    bench.session("a").lose(error("UNAVAILABLE", "no", "none", why));
    expect(await call).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(bench.sessions.flatMap((s) => s.started)).toEqual([]);
  });
});

it("a call made between the news of an instance and the look at it waits, however many turns have passed", async () => {
  for (let turns = 0; turns < 30; turns++) {
    bench = new Bench();
    const user = bench.user();
    bench.list("a");
    for (let turn = 0; turn < turns; turn++) await undefined;
    const call = user.getUser?.({ id: "1" });
    await settle();
    bench.session("a").hello(bench.offers);
    await settle();
    bench.session("a").answer(turns);
    expect(await call).toBe(turns);
    if (turns < 29) expect(await bench.close()).toEqual(NOTHING);
  }
});
