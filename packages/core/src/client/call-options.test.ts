import { afterEach, describe, expect, it, vi } from "vitest";
import type { CallContext } from "../context.ts";
import type { Interceptor } from "../interceptor.ts";
import type { ContextStore } from "../runtime.ts";
import type { SelectorFactory, SelectorOptions } from "../selector.ts";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { error } from "./test/fake-session.ts";
import { createCountingSelector } from "./test/round-robin.ts";

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

/** A call being served, as far as its nested calls look at it. */
class FakeContext {
  timeLeftMs = Number.POSITIVE_INFINITY;
  aborted = false;
  reason: unknown;
  attempt = 0;
  traceparent: string | undefined;
  readonly callbacks = new Set<(reason: unknown) => void>();
  onAbort(callback: (reason: unknown) => void): () => void {
    this.callbacks.add(callback);
    return () => void this.callbacks.delete(callback);
  }
  abort(reason: unknown): void {
    this.aborted = true;
    this.reason = reason;
    for (const callback of [...this.callbacks]) callback(reason);
  }
  get store(): ContextStore<CallContext> {
    return { get: () => this as unknown as CallContext, run: (_, fn, argument) => fn(argument) };
  }
}

/** Deadline of the call that `make` makes. */
async function deadline(make: () => Promise<unknown>): Promise<number> {
  const session = bench.session("a");
  const done = outcome(make());
  const call = session.calls[0];
  session.answer(undefined);
  await done;
  return call?.expiresAt as number;
}

describe("the deadline", () => {
  it("is the call's, else the service's, else the client's, else the endpoint's, else 5 s", async () => {
    bench = new Bench({ timeoutMs: 300 });
    bench.offers = { get: { timeoutMs: 400 }, plain: {} };
    const user = await bench.serve("a");
    const own = bench.user({ timeoutMs: 200 });
    expect(await deadline(() => own.call("get", 1, { timeoutMs: 100 }))).toBe(100);
    expect(await deadline(() => own.call("get"))).toBe(200);
    expect(await deadline(() => user.call("get"))).toBe(300);
    await bench.client.close();
    bench = new Bench();
    bench.offers = { get: { timeoutMs: 400 }, plain: {} };
    const other = await bench.serve("a");
    expect(await deadline(() => other.call("get"))).toBe(400);
    expect(await deadline(() => other.call("plain"))).toBe(5000);
  });

  it("of a stream is none unless one is given to it, its service or its endpoint", async () => {
    bench = new Bench({ timeoutMs: 300 });
    bench.offers = { watch: { kind: "server-stream" }, brief: { kind: "server-stream", timeoutMs: 400 } };
    const user = await bench.serve("a");
    const read = (call: AsyncIterable<unknown>) => async (): Promise<void> => {
      for await (const _ of call);
    };
    expect(await deadline(read(user.call("watch")))).toBe(Number.POSITIVE_INFINITY);
    expect(await deadline(read(user.call("brief")))).toBe(400);
    expect(await deadline(read(bench.user({ timeoutMs: 50 }).call("watch")))).toBe(50);
    expect(await deadline(read(user.call("watch", 1, { timeoutMs: 60 })))).toBe(60);
  });

  it("counts from the call, though the endpoint was not known", async () => {
    bench = new Bench();
    bench.offers = { get: { timeoutMs: 800 } };
    const call = outcome(bench.user().call("get"));
    await bench.runtime.clock.advanceAsync(300);
    await bench.serve("a");
    expect(bench.session("a").calls[0]?.expiresAt).toBe(800);
    bench.session("a").answer(1);
    expect(await call).toBe(1);
  });

  it("passes while a call waits for an instance", async () => {
    bench = new Bench();
    const user = bench.user();
    const call = outcome(user.call("getUser", 1, { waitForReady: true, timeoutMs: 2000 }));
    bench.list();
    await bench.runtime.clock.advanceAsync(1999);
    expect(bench.runtime.clock.timers).toBeGreaterThan(0);
    await bench.runtime.clock.advanceAsync(1);
    expect(await call).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "no",
      message: "user.getUser waited 2000 ms: no instance was there",
    });
  });

  it("must be a number", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = user.call("getUser", 1, { timeoutMs: "1s" as unknown as number });
    expect(await outcome(call)).toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "no",
      message: "timeoutMs is 1s: give milliseconds",
    });
  });
});

describe("a key", () => {
  /** A selector that tells what it is asked for, and which client it is for. */
  function listening(): { factory: SelectorFactory; keys: (string | undefined)[]; given: SelectorOptions[] } {
    const keys: (string | undefined)[] = [];
    const given: SelectorOptions[] = [];
    const { factory } = createCountingSelector();
    return {
      keys,
      given,
      factory: (options) => {
        given.push(options);
        const inner = factory(options);
        return {
          update(candidates) {
            const picker = inner.update(candidates);
            return {
              pick(call) {
                keys.push(call.key);
                return picker.pick(call);
              },
            };
          },
        };
      },
    };
  }

  it("is given to the selector: the call's, or its service's", async () => {
    const { factory, keys } = listening();
    bench = new Bench({ selector: factory });
    const user = await bench.serve("a");
    void outcome(user.call("getUser", 1));
    void outcome(user.call("getUser", 1, { key: "customer-1" }));
    void outcome(bench.user({ key: "tenant" }).call("getUser", 1));
    void outcome(bench.user({ key: "tenant" }).call("getUser", 1, { key: "customer-2" }));
    expect(keys).toEqual([undefined, "customer-1", "tenant", "customer-2"]);
  });
  it("that is no string is said", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = user.call("getUser", 1, { key: 7 as unknown as string });
    expect(await outcome(call)).toMatchObject({
      code: "INVALID_ARGUMENT",
      message: "key is 7: give a string",
    });
    expect(() => bench.user({ key: 7 as unknown as string })).toThrow(
      'client.service("user"): key is 7: give a string',
    );
  });
  it("and the client's zone and a log of the service are at hand", async () => {
    const { factory, given } = listening();
    bench = new Bench({ selector: factory, zone: "eu-1a" });
    bench.user();
    expect(given).toMatchObject([{ zone: "eu-1a" }]);
    expect(given[0]?.logger).toBeDefined();
    expect(given[0]?.random()).toBeLessThan(1);
  });
});

describe("the surrounding call", () => {
  it("lends its deadline where that is earlier, its trace, and its being a retry", async () => {
    const context = new FakeContext();
    context.timeLeftMs = 120;
    context.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    context.attempt = 1;
    bench = new Bench({ contextStore: context.store, metadata: { tenant: "acme" } });
    const user = await bench.serve("a");
    const call = outcome(user.call("getUser"));
    expect(bench.session("a").calls[0]).toMatchObject({
      expiresAt: 120,
      attempt: 1,
      metadata: { tenant: "acme", traceparent: context.traceparent },
    });
    bench.session("a").answer(1);
    await call;
    expect(await deadline(() => user.call("getUser", 1, { timeoutMs: 50 }))).toBe(50);
  });

  it("cancels its nested calls, and is left alone once they have ended", async () => {
    const context = new FakeContext();
    bench = new Bench({ contextStore: context.store });
    const user = await bench.serve("a");
    const done = outcome(user.call("getUser"));
    expect(context.callbacks.size).toBe(1);
    bench.session("a").answer(1);
    expect(await done).toBe(1);
    expect(context.callbacks.size).toBe(0);
    const call = outcome(user.call("getUser"));
    context.abort("gone");
    expect(await call).toMatchObject({
      code: "CANCELLED",
      executed: "maybe",
      cause: "gone",
      message: "user.getUser: the call it belongs to has ended",
    });
    expect(bench.session("a").cancelled).toHaveLength(1);
    expect(context.callbacks.size).toBe(0);
    expect(await outcome(user.call("getUser"))).toMatchObject({ code: "CANCELLED", executed: "no" });
    expect(bench.session("a").started).toHaveLength(2);
  });

  it("ends them as too late, where its own time is up", async () => {
    const context = new FakeContext();
    context.timeLeftMs = 100;
    bench = new Bench({ contextStore: context.store });
    const user = await bench.serve("a");
    const late = {
      code: "DEADLINE_EXCEEDED",
      message: "user.getUser: the time of the call it belongs to is up",
    };
    const call = outcome(user.call("getUser"));
    context.timeLeftMs = 0;
    context.abort(new Error("the deadline passed"));
    expect(await call).toMatchObject({ ...late, executed: "maybe" });
    expect(await outcome(user.call("getUser"))).toMatchObject({ ...late, executed: "no" });
    expect(bench.session("a").cancelled).toHaveLength(1);
  });

  it("cancels nested calls that still wait", async () => {
    const context = new FakeContext();
    bench = new Bench({ contextStore: context.store });
    const call = outcome(bench.user().call("getUser"));
    context.abort("gone");
    expect(await call).toMatchObject({ code: "CANCELLED", executed: "no" });
  });
});

describe("a signal", () => {
  it("cancels the call at the other end, and is left alone afterwards", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const controller = new AbortController();
    const added = vi.spyOn(controller.signal, "addEventListener");
    const removed = vi.spyOn(controller.signal, "removeEventListener");
    const call = outcome(user.call("addUser", 1, { signal: controller.signal }));
    controller.abort(new Error("enough"));
    expect(await call).toMatchObject({
      code: "CANCELLED",
      executed: "maybe",
      message: "user.addUser: cancelled by its signal",
      cause: { message: "enough" },
    });
    expect(bench.session("a").cancelled).toHaveLength(1);
    expect(await outcome(user.call("addUser", 1, { signal: controller.signal }))).toMatchObject({
      code: "CANCELLED",
      executed: "no",
    });
    expect(bench.session("a").started).toHaveLength(1);
    expect(removed.mock.calls.length).toBe(added.mock.calls.length);
  });

  it("ends a stream", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const controller = new AbortController();
    const reading = outcome(
      (async () => {
        for await (const _ of user.call("watchUsers", 1, { signal: controller.signal }));
      })(),
    );
    controller.abort();
    expect(await reading).toMatchObject({ code: "CANCELLED" });
    expect(bench.session("a").cancelled).toHaveLength(1);
  });
});

describe("metadata", () => {
  it("of client, service and call are sent together, the nearest winning", async () => {
    bench = new Bench({ metadata: { a: "client", b: "client", c: "client" } });
    await bench.serve("a");
    const user = bench.user({ metadata: { b: "service", c: "service" } });
    const call = outcome(user.call("getUser", 1, { metadata: { c: "call" } }));
    expect(bench.session("a").calls[0]?.metadata).toEqual({ a: "client", b: "service", c: "call" });
    bench.session("a").answer(1);
    await call;
  });
});

describe("interceptors", () => {
  it("wrap a call in their order, and see and change what is sent", async () => {
    const log: string[] = [];
    const tagging =
      (name: string): Interceptor =>
      (next) =>
      async (call) => {
        log.push(`${name} ${call.side} ${call.service}.${call.method} ${call.kind}`);
        call.metadata = { ...call.metadata, [name]: "was here" };
        try {
          return await (next(call) as Promise<unknown>);
        } finally {
          log.push(`${name} done`);
        }
      };
    bench = new Bench({ interceptors: [tagging("outer"), tagging("inner")] });
    const early = outcome(bench.user().call("getUser", "early"));
    const user = await bench.serve("a");
    bench.session("a").answer(1);
    expect(await early).toBe(1);
    const call = outcome(user.call("getUser", 1));
    await settle();
    expect(bench.session("a").calls[0]?.metadata).toEqual({ outer: "was here", inner: "was here" });
    bench.session("a").answer(2);
    expect(await call).toBe(2);
    expect(log.slice(4)).toEqual([
      "outer client user.getUser unary",
      "inner client user.getUser unary",
      "inner done",
      "outer done",
    ]);
  });

  it("may answer themselves, wrap streams, and call next twice", async () => {
    const twice: Interceptor = (next) => (call) => {
      if (call.method === "getUser") return Promise.resolve("from the cache");
      if (call.kind === "server-stream") return doubled(next(call) as AsyncIterable<number>);
      return (next(call) as Promise<unknown>).catch(() => next(call) as Promise<unknown>);
    };
    async function* doubled(items: AsyncIterable<number>): AsyncGenerator<number> {
      for await (const item of items) yield 2 * item;
    }
    bench = new Bench({ interceptors: [twice] });
    const user = await bench.serve("a");
    expect(await user.call("getUser")).toBe("from the cache");
    const reading = (async () => {
      const all: unknown[] = [];
      for await (const item of user.call("watchUsers")) all.push(item);
      return all;
    })();
    await settle();
    bench.session("a").calls[0]?.items?.pushAll([1, 2], 10);
    bench.session("a").answer(undefined);
    expect(await reading).toEqual([2, 4]);
    const call = outcome(user.call("addUser", { name: "Ann" }));
    bench.session("a").refuse(error("ABORTED", "yes", "none"));
    await settle();
    expect(bench.session("a").calls[0]).toMatchObject({ input: { name: "Ann" }, expiresAt: 5000 });
    bench.session("a").answer("added");
    expect(await call).toBe("added");
  });

  it("must pass on the call they were given", async () => {
    bench = new Bench({ interceptors: [(next) => (call) => next({ ...call })] });
    const early = outcome(bench.user().call("getUser"));
    const user = await bench.serve("a");
    expect(await early).toBeInstanceOf(TypeError);
    expect(await outcome(user.call("getUser"))).toBeInstanceOf(TypeError);
  });

  it("may throw: the call is rejected, a stream's reader told", async () => {
    const refusing: Interceptor = () => () => {
      throw new Error("not today");
    };
    bench = new Bench({ interceptors: [refusing] });
    const read = async (items: AsyncIterable<unknown>): Promise<void> => {
      for await (const _ of items);
    };
    const early = [outcome(bench.user().call("getUser")), outcome(read(bench.user().call("watchUsers")))];
    const user = await bench.serve("a");
    const all = [...early, outcome(user.call("getUser")), outcome(read(user.call("watchUsers")))];
    expect(await Promise.all(all)).toMatchObject(all.map(() => ({ message: "not today" })));
  });
});
