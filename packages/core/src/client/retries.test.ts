import { afterEach, describe, expect, it } from "vitest";
import type { CallContext } from "../context.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { error } from "./test/fake-session.ts";

let bench: Bench;
afterEach(async () => {
  expect(await bench.close()).toEqual(NOTHING);
});

const NEVER_WRITTEN = error("UNAVAILABLE", "no", "elsewhere", "the instance is draining");
const LOST = error("UNAVAILABLE", "maybe", "none", "the connection was lost");
const OVERLOADED = error("RESOURCE_EXHAUSTED", "no", 40, "the server is overloaded");

/** Ids of the instances a call has been sent to, in order. */
function tried(method: string): string[] {
  const calls = bench.sessions.flatMap((s) =>
    s.started.filter((c) => c.endpoint.name === method).map(() => s.options.instance as string),
  );
  return calls;
}

/** Answers every call on every session as it comes, by `answer`: an error, or a value. */
function script(answer: (id: string, nth: number) => RpcError | string): void {
  let nth = 0;
  for (const session of bench.sessions)
    session.onStart = (call) => {
      const result = answer(session.options.instance as string, nth++);
      if (RpcError.is(result)) session.refuse(result, call);
      else session.answer(result, call);
    };
}

async function run(call: Promise<unknown>, ms = 2000): Promise<unknown> {
  const ended = outcome(call);
  await bench.runtime.clock.advanceAsync(ms);
  return await ended;
}

describe("refused in favour of another instance (never written, draining, no such connection)", () => {
  it("is tried elsewhere at once, idempotent or not, up to three tries, each on another instance", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b", "c", "d");
    script((_, nth) => (nth < 2 ? NEVER_WRITTEN : "done"));
    expect(await user.call("addUser")).toBe("done");
    expect(new Set(tried("addUser")).size).toBe(3);
    script(() => NEVER_WRITTEN);
    expect(await outcome(user.call("addUser", 2))).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(tried("addUser")).toHaveLength(6);
  });

  it("costs no budget", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script((id) => (id === "a" ? NEVER_WRITTEN : "done"));
    for (let i = 0; i < 200; i++) expect(await user.call("addUser")).toBe("done");
  });

  it("holds inside of a retried call", async () => {
    const context = { timeLeftMs: 1000, aborted: false, attempt: 1, onAbort: () => () => {} };
    bench = new Bench({
      contextStore: { get: () => context as unknown as CallContext, run: (_, fn, a) => fn(a) },
    });
    const user = await bench.serve("a", "b");
    script((_, nth) => (nth === 0 ? NEVER_WRITTEN : "done"));
    expect(await user.call("addUser")).toBe("done");
  });

  it("is an error where there is no other instance", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    script(() => NEVER_WRITTEN);
    expect(await outcome(user.call("addUser"))).toMatchObject({
      code: "UNAVAILABLE",
      executed: "no",
      retry: "elsewhere",
      service: "user",
      method: "addUser",
      instance: "a",
      message: "user.addUser: the instance is draining",
    });
  });

  it("waits for another instance that is being connected to", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    bench.list("a", "b");
    await settle();
    const call = outcome(user.call("addUser"));
    bench.session("a").refuse(NEVER_WRITTEN);
    await settle();
    bench.session("b").hello(bench.offers);
    await settle();
    bench.session("b").answer("done");
    expect(await call).toBe("done");
  });
});

describe("refused for good (invalid, unauthorised, unimplemented, oversize)", () => {
  it.each([
    "INVALID_ARGUMENT",
    "UNAUTHENTICATED",
    "PERMISSION_DENIED",
    "UNIMPLEMENTED",
    "RESOURCE_EXHAUSTED",
  ] as const)("%s is tried once", async (code) => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script(() => error(code, "no", "none"));
    expect(await run(user.call("getUser"))).toMatchObject({ code, executed: "no" });
    expect(tried("getUser")).toHaveLength(1);
  });
});

describe("what a handler threw", () => {
  it("is never tried again, whatever its code", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    for (const code of ["UNAVAILABLE", "INTERNAL", "RESOURCE_EXHAUSTED", "ABORTED"] as const) {
      script(() => error(code, "yes", "none"));
      expect(await run(user.call("getUser"))).toMatchObject({ code, executed: "yes" });
    }
    expect(tried("getUser")).toHaveLength(4);
  });
});

describe("lost after writing: nobody knows", () => {
  it("is tried once more, elsewhere, marked as a retry, when the endpoint is idempotent", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b", "c");
    script((_, nth) => (nth === 0 ? LOST : "done"));
    expect(await run(user.call("getUser"))).toBe("done");
    expect(new Set(tried("getUser")).size).toBe(2);
    const attempts = bench.sessions.flatMap((s) => s.started.map((c) => c.attempt));
    // The record is one: what it says now is what was sent last.
    expect(attempts).toEqual([1, 1]);
    script(() => LOST);
    expect(await run(user.call("getUser"))).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    expect(tried("getUser")).toHaveLength(4);
  });

  it("waits up to 25 ms before that", async () => {
    bench = new Bench();
    bench.runtime.random = () => 0.8;
    const user = await bench.serve("a", "b");
    script((_, nth) => (nth === 0 ? LOST : "done"));
    const call = outcome(user.call("getUser"));
    await bench.runtime.clock.advanceAsync(19);
    expect(tried("getUser")).toHaveLength(1);
    await bench.runtime.clock.advanceAsync(1);
    expect(tried("getUser")).toHaveLength(2);
    expect(await call).toBe("done");
  });

  it("is an error when it is not", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script(() => LOST);
    expect(await run(user.call("addUser"))).toMatchObject({
      code: "UNAVAILABLE",
      executed: "maybe",
      message: "user.addUser: the connection was lost",
    });
    expect(tried("addUser")).toHaveLength(1);
  });

  it("goes by what the caller says, where he says something", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script((_, nth) => (nth === 0 ? LOST : "done"));
    expect(await run(user.call("addUser", 1, { idempotent: true }))).toBe("done");
    script(() => LOST);
    expect(await run(user.call("getUser", 1, { idempotent: false }))).toMatchObject({ executed: "maybe" });
    expect(await run(bench.user({ idempotent: false }).call("getUser"))).toMatchObject({ executed: "maybe" });
    expect(tried("getUser")).toHaveLength(2);
  });

  it("is not tried again inside of a retried call", async () => {
    const context = { timeLeftMs: 1000, aborted: false, attempt: 1, onAbort: () => () => {} };
    bench = new Bench({
      contextStore: { get: () => context as unknown as CallContext, run: (_, fn, a) => fn(a) },
    });
    const user = await bench.serve("a", "b");
    script(() => LOST);
    expect(await run(user.call("getUser"))).toMatchObject({ code: "UNAVAILABLE" });
    expect(tried("getUser")).toHaveLength(1);
  });

  it("is tried again only as far as the budget goes: a tenth of the calls and 3/s", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script(() => LOST);
    for (let i = 0; i < 100; i++) await outcome(run(user.call("getUser"), 50));
    const retries = tried("getUser").length - 100;
    expect(retries).toBe(30 + 10);
  });

  it.each([
    ["lost", (name: string) => bench.session(name).lose()],
    ["suspected", (name: string) => bench.session(name).suspect(true)],
  ])(
    "is tried elsewhere by a client that has just started, however many are in flight on one that is %s",
    async (_, end) => {
      bench = new Bench();
      const user = await bench.serve("a", "b");
      const ended = Array.from({ length: 400 }, (_, n) => outcome(user.call("getUser", n)));
      expect(bench.session("a").calls).toHaveLength(200);
      end("a");
      await bench.runtime.clock.advanceAsync(25);
      const b = bench.session("b");
      expect(b.calls).toHaveLength(400);
      for (const call of [...b.calls]) b.answer("done", call);
      expect(new Set(await Promise.all(ended))).toEqual(new Set(["done"]));
    },
  );

  it("stays unknown when the retry was refused without being executed", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script((_, nth) => (nth === 0 ? LOST : NEVER_WRITTEN));
    expect(await run(user.call("getUser"))).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  });
});

describe("overloaded", () => {
  it("is tried once more, elsewhere, after the time asked for, idempotent or not", async () => {
    bench = new Bench();
    bench.runtime.random = () => 0;
    const user = await bench.serve("a", "b");
    script((_, nth) => (nth === 0 ? OVERLOADED : "done"));
    const call = outcome(user.call("addUser"));
    await bench.runtime.clock.advanceAsync(39);
    expect(tried("addUser")).toHaveLength(1);
    await bench.runtime.clock.advanceAsync(1);
    expect(await call).toBe("done");
    expect(new Set(tried("addUser")).size).toBe(2);
  });

  it("twice is an error that says when to come again", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b", "c");
    script(() => OVERLOADED);
    const result = (await run(user.call("addUser"))) as RpcError;
    expect(result).toMatchObject({ code: "RESOURCE_EXHAUSTED", executed: "no", retryAfterMs: 40 });
    expect(tried("addUser")).toHaveLength(2);
  });

  it("is an error at once when the deadline would pass meanwhile", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script(() => OVERLOADED);
    const call = outcome(user.call("addUser", 1, { timeoutMs: 30 }));
    await settle();
    expect(await call).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
    expect(tried("addUser")).toHaveLength(1);
  });
});

describe("the deadline", () => {
  it("passing is the end", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script(() => error("DEADLINE_EXCEEDED", "maybe", "none", "the deadline passed"));
    expect(await run(user.call("getUser"))).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "maybe",
      message: "user.getUser: the deadline passed",
    });
    expect(tried("getUser")).toHaveLength(1);
  });

  it("that has passed allows no further try", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const call = outcome(user.call("getUser", 1, { timeoutMs: 100 }));
    bench.runtime.clock.advance(100);
    bench.sessions.find((s) => s.calls.length > 0)?.refuse(NEVER_WRITTEN);
    expect(await call).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(tried("getUser")).toHaveLength(1);
  });
});

describe("streams", () => {
  it("are tried again when they were refused before they began", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script((_, nth) => (nth === 0 ? NEVER_WRITTEN : "done"));
    const items: unknown[] = [];
    for await (const item of user.call("watchUsers")) items.push(item);
    expect(items).toEqual([]);
    expect(new Set(tried("watchUsers")).size).toBe(2);
  });

  it("are not when they were lost", async () => {
    bench = new Bench();
    bench.offers = { watch: { kind: "server-stream", idempotent: true } };
    const user = await bench.serve("a", "b");
    script(() => LOST);
    const reading = (async () => {
      for await (const _ of user.call("watch"));
    })();
    expect(await run(reading)).toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    expect(tried("watch")).toHaveLength(1);
  });

  it("are not when an item of their input was taken", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    const call = outcome(user.call("importUsers", []));
    const session = bench.sessions.find((s) => s.calls.length > 0);
    const [sent] = session?.calls ?? [];
    if (sent === undefined) throw new Error("not sent");
    sent.inputTaken = true;
    session?.refuse(NEVER_WRITTEN, sent);
    expect(await call).toMatchObject({ code: "UNAVAILABLE", executed: "no" });
    expect(tried("importUsers")).toHaveLength(1);
  });
});

describe("switched off", () => {
  it("every call is tried once: for a client, a service or a call", async () => {
    bench = new Bench({ retries: false });
    const user = await bench.serve("a", "b");
    script(() => NEVER_WRITTEN);
    expect(await outcome(user.call("getUser"))).toMatchObject({ executed: "no" });
    expect(tried("getUser")).toHaveLength(1);
    await bench.client.close();
    bench = new Bench();
    await bench.serve("a", "b");
    script(() => NEVER_WRITTEN);
    expect(await outcome(bench.user({ retries: false }).call("getUser"))).toMatchObject({ executed: "no" });
    expect(await outcome(bench.user().call("getUser", 1, { retries: false }))).toMatchObject({
      executed: "no",
    });
    expect(tried("getUser")).toHaveLength(2);
  });
});

describe("while a call waits for its retry", () => {
  it("it can be cancelled", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script(() => OVERLOADED);
    const controller = new AbortController();
    const call = outcome(user.call("addUser", 1, { signal: controller.signal }));
    controller.abort();
    expect(await call).toMatchObject({ code: "CANCELLED", executed: "no" });
    await bench.runtime.clock.advanceAsync(100);
    expect(tried("addUser")).toHaveLength(1);
  });

  it("closing the client ends it", async () => {
    bench = new Bench();
    const user = await bench.serve("a", "b");
    script(() => LOST);
    bench.runtime.random = () => 0.9;
    const call = outcome(user.call("getUser"));
    await bench.client.close();
    expect(await call).toMatchObject({ code: "CANCELLED", executed: "maybe" });
  });
});
