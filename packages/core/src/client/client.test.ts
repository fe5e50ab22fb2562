import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { defineService } from "../definition/define-service.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { error } from "./test/fake-session.ts";

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

describe("a unary call", () => {
  it("goes to an instance and comes back with its answer", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = user.getUser?.({ id: "42" });
    const [sent] = bench.session("a").calls;
    expect(sent).toMatchObject({
      endpoint: { name: "getUser" },
      input: { id: "42" },
      expiresAt: 5000,
      metadata: undefined,
      attempt: 0,
    });
    bench.session("a").answer({ name: "Ann" });
    expect(await call).toEqual({ name: "Ann" });
  });

  it("goes by name over the same road", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = user.call("getUser", { id: "1" }, { timeoutMs: 100 });
    expect(bench.session("a").calls[0]?.expiresAt).toBe(100);
    bench.session("a").answer(1);
    expect(await call).toBe(1);
  });

  it("made before anything is known waits for the first instance", async () => {
    bench = new Bench();
    const user = bench.user();
    const call = user.getUser?.({ id: "1" });
    await settle();
    bench.list("a");
    await settle();
    expect(bench.session("a").started).toEqual([]);
    bench.session("a").hello(bench.offers);
    await settle();
    bench.session("a").answer("Ann");
    expect(await call).toBe("Ann");
  });

  it("fails with the service's error, which says what and where", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = outcome(user.addUser?.({}) as Promise<unknown>);
    bench.session("a").refuse(
      new RpcError("ALREADY_EXISTS", "Ann is there", {
        executed: "yes",
        type: "TAKEN",
        details: { name: "Ann" },
      }),
    );
    expect(await call).toMatchObject({
      code: "ALREADY_EXISTS",
      message: "Ann is there",
      executed: "yes",
      service: "user",
      method: "addUser",
      instance: "a",
      type: "TAKEN",
      details: { name: "Ann" },
    });
    expect(bench.selector.outcomes).toEqual([{ id: "a", failed: false, ms: 0 }]);
  });

  it("reports faults of the instance to the selector, with the time it took", async () => {
    bench = new Bench({ retries: false });
    const user = await bench.serve("a");
    const call = outcome(user.addUser?.({}) as Promise<unknown>);
    bench.runtime.clock.advance(70);
    bench.session("a").refuse(error("INTERNAL", "yes", "none"));
    await call;
    expect(bench.selector.outcomes).toEqual([{ id: "a", failed: true, ms: 70 }]);
    expect(bench.client.report()).toMatchObject([
      { service: "user", method: "addUser", started: 1, succeeded: 0, failed: 1 },
    ]);
  });

  it("of an unknown method is UNIMPLEMENTED and names near ones", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    expect(await outcome(user.getUsr?.({}) as Promise<unknown>)).toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
      message: "user has no method getUsr; did you mean getUser?",
      service: "user",
      method: "getUsr",
    });
  });
});

describe("the proxy", () => {
  it("keeps the language's and tools' own names to them", async () => {
    bench = new Bench();
    const user = bench.user() as unknown as Record<PropertyKey, unknown>;
    for (const name of ["then", "catch", "finally", "toJSON", "constructor", "$$typeof", Symbol.iterator])
      expect(user[name]).toBe(undefined);
    expect(await (user as unknown as Promise<unknown>)).toBe(user);
    expect(JSON.stringify(user)).toBe("{}");
    expect(inspect(user)).toContain("{}");
    await settle();
  });

  it("makes a method once, and one object a service", () => {
    bench = new Bench();
    const user = bench.user();
    expect(user.getUser).toBe(user.getUser);
    expect(bench.user()).toBe(user);
    expect(Object.hasOwn(user, "getUser")).toBe(true);
    expect(bench.client.service(defineService("user", {}))).toBe(user);
  });

  it("refuses what is no service", () => {
    bench = new Bench();
    expect(() => bench.client.service("")).toThrow('client.service: the service name "" cannot be a key');
    expect(() => bench.user({ version: "^one" })).toThrow('version "^one" is no range');
    expect(() => bench.user({ timeoutMs: -1 })).toThrow(
      'client.service("user"): timeoutMs is -1: give milliseconds, more than 0',
    );
  });
});

describe("closing", () => {
  it("fails calls in flight, waiting and new ones with CANCELLED", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const flying = outcome(user.addUser?.({}) as Promise<unknown>);
    const parked = outcome(bench.other("order").place?.({}) as Promise<unknown>);
    await bench.client.close();
    expect(await flying).toMatchObject({
      code: "CANCELLED",
      executed: "maybe",
      message: "user.addUser: the client was closed",
    });
    expect(await parked).toMatchObject({
      code: "CANCELLED",
      executed: "no",
      message: "order.place: the client was closed",
    });
    const late = await outcome(user.getUser?.({}) as Promise<unknown>);
    expect(late).toMatchObject({
      code: "CANCELLED",
      executed: "no",
      message: "user.getUser: the client was closed",
    });
    const other = await outcome(bench.other("mail").send?.({}) as Promise<unknown>);
    expect(other).toMatchObject({ code: "CANCELLED", message: "mail.send: the client was closed" });
    await expect(bench.client.list()).rejects.toMatchObject({ code: "CANCELLED" });
    await bench.client.close();
  });

  it("ends watches of the user", async () => {
    bench = new Bench();
    bench.list("a");
    const seen: number[] = [];
    const reading = (async () => {
      for await (const snapshot of bench.client.watch("user")) seen.push(snapshot.instances.length);
    })();
    await settle();
    bench.list("a", "b");
    await settle();
    await bench.client.close();
    await reading;
    expect(seen).toEqual([1, 2]);
    expect(await bench.registry.list()).toEqual([{ name: "user", versions: ["1.0.0"], instances: 2 }]);
  });
});
