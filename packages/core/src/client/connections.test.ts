import { afterEach, describe, expect, it } from "vitest";
import { RpcError } from "../errors/rpc-error.ts";
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
  it("reaches small sets as a whole, before any call", async () => {
    bench = new Bench();
    bench.user();
    bench.list(...ids(10));
    await settle();
    expect(bench.transport.dials).toHaveLength(10);
  });

  it("reaches of larger sets what is picked", async () => {
    bench = new Bench();
    const user = bench.user();
    bench.list(...ids(11));
    await settle();
    expect(bench.transport.dials).toEqual([]);
    const call = outcome(user.call("getUser"));
    await settle();
    expect(bench.transport.dials).toHaveLength(1);
    const [session] = bench.sessions;
    session?.hello(bench.offers);
    await settle();
    session?.answer("ok");
    expect(await call).toBe("ok");
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
    bench = new Bench({ connectTimeoutMs: 400 });
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
    expect(bench.transport.dials.length).toBeLessThanOrEqual(7);
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

describe("an instance that drains", () => {
  it("is not picked any more, finishes what it has, and is connected to again only while it is listed", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const calls = [outcome(user.call("getUser", 1)), outcome(user.call("getUser", 2))];
    const a = bench.session("a");
    a.goaway();
    await settle();
    expect(a.state).toBe("draining");
    for (let i = 0; i < 4; i++) void outcome(user.call("getUser", i));
    expect(a.started).toHaveLength(1);
    bench.list("b");
    a.answer("from a");
    expect(await calls[0]).toBe("from a");
    a.lose();
    await bench.runtime.clock.advanceAsync(20_000);
    expect(bench.transport.dials).toEqual(["fake://a", "fake://b"]);
  });

  it("and is still listed afterwards is connected to again", async () => {
    bench = new Bench();
    await bench.serve("a", "b");
    await bench.runtime.clock.advanceAsync(2000);
    bench.session("a").goaway();
    await bench.runtime.clock.advanceAsync(150);
    expect(bench.transport.dials).toEqual(["fake://a", "fake://b", "fake://a"]);
  });

  it("by its record is let go when its calls have ended, with nothing new sent", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const call = outcome(user.call("getUser", 1));
    bench.registry.set("user", [instance("a", { status: "draining" }), instance("b")]);
    await settle();
    expect(bench.session("a").state).toBe("draining");
    for (let i = 0; i < 3; i++) void outcome(user.call("getUser", i));
    expect(bench.session("a").started).toHaveLength(1);
    bench.session("a").answer("from a");
    expect(await call).toBe("from a");
  });

  it("closing the client ends its calls as well", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const call = outcome(user.call("getUser", 1));
    bench.registry.set("user", [instance("a", { status: "draining" }), instance("b")]);
    await settle();
    await bench.client.close();
    expect(await call).toMatchObject({ code: "CANCELLED" });
  });
});

describe("an instance that is not ready", () => {
  it("is not picked until it is, and keeps its connection", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    bench.registry.set("user", [instance("a", { status: "not-ready" }), instance("b")]);
    await settle();
    for (let i = 0; i < 3; i++) void outcome(user.call("getUser", i));
    expect(bench.session("a").started).toEqual([]);
    expect(bench.session("a").state).toBe("open");
    bench.list("a", "b");
    await settle();
    for (let i = 0; i < 4; i++) void outcome(user.call("getUser", i));
    expect(bench.session("a").started).toHaveLength(2);
    expect(bench.transport.dials).toHaveLength(2);
  });
});

describe("a suspected instance", () => {
  it("is not picked until it is heard again, and says so once each", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    bench.session("a").suspect(true);
    await settle();
    for (let i = 0; i < 3; i++) void outcome(user.call("addUser", i));
    expect(bench.session("a").started).toEqual([]);
    bench.session("a").suspect(false);
    await settle();
    for (let i = 0; i < 4; i++) void outcome(user.call("addUser", i));
    expect(bench.session("a").started).toHaveLength(2);
    expect(lines()).toEqual([
      "info instance came",
      "info instance came",
      "warn instance suspected: it does not answer",
      "info instance answers again",
    ]);
    expect(bench.log.find((l) => l.message.includes("suspected"))?.fields).toEqual({
      service: "user",
      instance: "a",
      address: "fake://a",
    });
  });

  it("is called when all are suspected", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    bench.session("a").suspect(true);
    await settle();
    const call = outcome(user.call("addUser"));
    bench.session("a").answer("alive");
    expect(await call).toBe("alive");
  });
});

describe("an instance that moves", () => {
  it("is dialled at its new address; its old connection ends when it is idle", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const old = bench.session("a");
    const call = outcome(user.call("getUser"));
    bench.registry.set("user", [
      instance("a", { addresses: [{ protocol: "skein", url: "fake://elsewhere" }] }),
    ]);
    await settle();
    expect(bench.transport.dials).toEqual(["fake://a", "fake://elsewhere"]);
    old.answer("old");
    expect(await call).toBe("old");
  });
});

describe("instances of several versions", () => {
  const both = (): void =>
    bench.registry.set("user", [
      instance("old", { version: "1.4.0" }),
      instance("new", { version: "2.0.0" }),
      instance("word", { version: "v1" }),
    ]);

  it("are picked by range, for a service or a call", async () => {
    bench = new Bench();
    const user = bench.user({ version: "^1" });
    both();
    await settle();
    for (const s of bench.sessions) s.hello(bench.offers);
    await settle();
    for (let i = 0; i < 3; i++) void outcome(user.call("getUser"));
    expect(bench.session("old").calls).toHaveLength(3);
    void outcome(user.call("getUser", 1, { version: ">=2" }));
    expect(bench.session("new").calls).toHaveLength(1);
    void outcome(user.call("getUser", 1, { version: "v1" }));
    expect(bench.session("word").calls).toHaveLength(1);
    expect(await outcome(user.call("getUser", 1, { version: "^3" }))).toMatchObject({
      code: "UNAVAILABLE",
      executed: "no",
      message: "user.getUser: no instance of user has a version in ^3: there are 1.4.0, 2.0.0, v1",
    });
    expect(await outcome(user.call("getUser", 1, { version: "^x y" }))).toBeInstanceOf(Error);
  });

  it("are called for what they have: a method that only some offer", async () => {
    bench = new Bench();
    const user = bench.user();
    both();
    await settle();
    bench.session("old").hello({ getUser: {} });
    bench.session("new").hello({ getUser: {}, findUsers: {} });
    bench.session("word").hello({ getUser: {} });
    await settle();
    for (let i = 0; i < 6; i++) void outcome(user.call("findUsers"));
    expect(bench.session("new").calls).toHaveLength(6);
    expect(bench.session("old").started).toEqual([]);
    bench.session("new").lose();
    await settle();
    expect(await outcome(user.call("findUsers", 1, { timeoutMs: 50 }))).toMatchObject({ executed: "no" });
    expect(bench.session("old").started).toEqual([]);
  });
});

describe("absence", () => {
  it("of a service nobody knows is NOT_FOUND, naming near ones", async () => {
    bench = new Bench();
    bench.registry.set("users", [instance("x", { service: "users" })]);
    bench.registry.set("user", []);
    const user = bench.user();
    const failure = {
      code: "NOT_FOUND",
      executed: "no",
      message: "user.getUser: service user is not in registry fake:; did you mean users?",
    };
    expect(await outcome(user.call("getUser"))).toMatchObject(failure);
    expect(await outcome(user.call("getUser"))).toMatchObject(failure);
  });

  it("asks for the names once a second at the most", async () => {
    bench = new Bench();
    bench.registry.set("user", []);
    let asked = 0;
    const list = bench.registry.list;
    bench.registry.list = () => {
      asked++;
      return list();
    };
    const user = bench.user();
    for (let i = 0; i < 5; i++) await outcome(user.call("getUser"));
    expect(asked).toBe(1);
    await bench.runtime.clock.advanceAsync(1000);
    await outcome(user.call("getUser"));
    expect(asked).toBe(2);
  });

  it("of all instances of a known service is UNAVAILABLE", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    bench.registry.set("user", [instance("a", { status: "draining" })]);
    await settle();
    bench.list();
    await settle();
    expect(await outcome(user.call("getUser"))).toMatchObject({
      code: "UNAVAILABLE",
      executed: "no",
      message: "user.getUser: no instance of user is there",
    });
  });

  it("of instances that serve is UNAVAILABLE", async () => {
    bench = new Bench();
    const call = outcome(bench.user().call("getUser"));
    bench.registry.set("user", [instance("a", { status: "not-ready" })]);
    expect(await call).toMatchObject({
      code: "UNAVAILABLE",
      message: "user.getUser: none of 1 instance is serving",
    });
  });

  it("of an answer of the registry is waited out for one second", async () => {
    bench = new Bench();
    const user = bench.user();
    const call = outcome(user.call("getUser"));
    await bench.runtime.clock.advanceAsync(999);
    expect(bench.runtime.clock.timers).toBeGreaterThan(0);
    await bench.runtime.clock.advanceAsync(1);
    const failure = {
      code: "UNAVAILABLE",
      executed: "no",
      message: "user.getUser: registry fake: has not answered within 1000 ms",
    };
    expect(await call).toMatchObject(failure);
    expect(await outcome(user.call("getUser"))).toMatchObject(failure);
    bench.list("a");
    await settle();
    const later = outcome(user.call("getUser"));
    bench.session("a").hello(bench.offers);
    await settle();
    bench.session("a").answer(1);
    expect(await later).toBe(1);
  });

  it("of a registry that can be asked is UNAVAILABLE", async () => {
    bench = new Bench();
    const call = outcome(bench.user().call("getUser"));
    bench.registry.set("user", [], { stale: true, error: new Error("down") });
    expect(await call).toMatchObject({
      code: "UNAVAILABLE",
      executed: "no",
      message: "user.getUser: registry fake: cannot be asked",
    });
  });

  it("ends as soon as an instance comes, for calls that wait", async () => {
    bench = new Bench();
    const user = bench.user({ waitForReady: true });
    bench.list();
    await settle();
    const call = outcome(user.call("getUser"));
    await bench.runtime.clock.advanceAsync(1500);
    bench.list("a");
    await settle();
    bench.session("a").hello(bench.offers);
    await settle();
    bench.session("a").answer(1);
    expect(await call).toBe(1);
  });
});

describe("the registry losing everything", () => {
  it("changes nothing while connections live", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    bench.list();
    await settle();
    const call = outcome(user.call("getUser"));
    bench.sessions.find((s) => s.calls.length > 0)?.answer("still here");
    expect(await call).toBe("still here");
    bench.transport.refused.add("fake://a").add("fake://b");
    for (const session of [...bench.sessions]) session.lose(new RpcError("UNAVAILABLE", "reset"));
    expect(await outcome(user.call("getUser"))).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(bench.runtime.clock.monotonic()).toBe(0);
  });
});
