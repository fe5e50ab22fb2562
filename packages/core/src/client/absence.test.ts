import { afterEach, describe, expect, it } from "vitest";
import { RpcError } from "../errors/rpc-error.ts";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { instance } from "./test/fake-registry.ts";

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
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
