import { afterEach, describe, expect, it } from "vitest";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { instance } from "./test/fake-registry.ts";

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

const lines = (): string[] =>
  bench.log.filter((l) => l.level !== "debug").map((l) => `${l.level} ${l.message}`);

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
    expect(await outcome(user.call("getUser", 1, { version: "^x y" }))).toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "no",
      message: 'version "^x y" is no range: write ^1, ~1.2, 1.x, >=1.2 <2, or an exact version like v1',
    });
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
