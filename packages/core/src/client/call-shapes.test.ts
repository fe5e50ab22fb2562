import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../testing/fake-clock.ts";
import { Bench, NOTHING, outcome } from "./test/bench-client.ts";
import { error } from "./test/fake-session.ts";

let bench: Bench;
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
/** Node reports unhandled rejections after the microtasks of a macrotask. */
const reported = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
let others: NodeJS.UnhandledRejectionListener[];

beforeEach(() => {
  others = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", note);
});
afterEach(async () => {
  const left = await bench.close();
  await reported();
  process.removeListener("unhandledRejection", note);
  for (const other of others) process.on("unhandledRejection", other);
  expect(unhandled.splice(0)).toEqual([]);
  expect(left).toEqual(NOTHING);
});

const WRONG_AWAIT = {
  code: "FAILED_PRECONDITION",
  executed: "no",
  service: "user",
  method: "watchUsers",
  message: "user.watchUsers gives a stream of items: use for await (const item of …) instead of awaiting it",
};
const WRONG_ITERATION = {
  code: "FAILED_PRECONDITION",
  executed: "no",
  service: "user",
  method: "getUser",
  message: "user.getUser gives one answer: await it instead of iterating it",
};

/** Sends the items of a server's stream. */
async function stream(items: readonly unknown[]): Promise<void> {
  const session = bench.session("a");
  const call = session.calls[0];
  call?.items?.pushAll(items, 10);
  session.answer(undefined);
  await settle();
}

async function collect(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe("a stream", () => {
  it("starts when it is iterated, not before, and gives its items", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = user.call("watchUsers", { all: true });
    expect(bench.session("a").started).toEqual([]);
    const reading = collect(call);
    expect(bench.session("a").calls[0]).toMatchObject({
      input: { all: true },
      expiresAt: Number.POSITIVE_INFINITY,
    });
    await stream([1, 2, 3]);
    expect(await reading).toEqual([1, 2, 3]);
    expect(bench.selector.outcomes).toMatchObject([{ id: "a", failed: false }]);
  });

  it("of unknown kind: iterated at once, it starts once its kind is known", async () => {
    bench = new Bench();
    const reading = collect(bench.user().call("watchUsers"));
    bench.list("a");
    await settle();
    bench.session("a").hello(bench.offers);
    await settle();
    await stream(["x"]);
    expect(await reading).toEqual(["x"]);
  });

  it("of unknown kind: iterated later, it starts then", async () => {
    bench = new Bench();
    const call = bench.user().call("watchUsers");
    bench.list("a");
    await settle();
    bench.session("a").hello(bench.offers);
    await settle();
    expect(bench.session("a").started).toEqual([]);
    const reading = collect(call);
    await stream(["x"]);
    expect(await reading).toEqual(["x"]);
  });

  it("awaited says how to use it, whether its kind was known or not", async () => {
    bench = new Bench();
    const early = outcome(bench.user().call("watchUsers"));
    const user = await bench.serve("a");
    expect(await early).toMatchObject(WRONG_AWAIT);
    expect(await outcome(user.call("watchUsers"))).toMatchObject(WRONG_AWAIT);
    expect(bench.session("a").started).toEqual([]);
  });

  it("neither awaited nor iterated stays silent", async () => {
    bench = new Bench();
    bench.user().call("watchUsers");
    bench.other("nothing").call("watchUsers");
    const user = await bench.serve("a");
    user.call("watchUsers");
    bench.registry.set("nothing", []);
    await settle();
    await reported();
  });

  it("gives its error in its place: after the items that came", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const seen: unknown[] = [];
    const reading = outcome(
      (async () => {
        for await (const item of user.call("watchUsers")) seen.push(item);
      })(),
    );
    bench.session("a").calls[0]?.items?.pushAll([1, 2], 10);
    bench.session("a").refuse(error("NOT_FOUND", "yes", "none", "gone"));
    expect(await reading).toMatchObject({
      code: "NOT_FOUND",
      message: "gone",
      instance: "a",
      method: "watchUsers",
    });
    expect(seen).toEqual([1, 2]);
  });

  it("left by break is cancelled, wherever it is", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const reading = (async () => {
      for await (const item of user.call("watchUsers")) return item;
      return undefined;
    })();
    bench.session("a").calls[0]?.items?.push(7, 1);
    expect(await reading).toBe(7);
    expect(bench.session("a").cancelled).toHaveLength(1);
    expect(bench.session("a").calls).toEqual([]);
  });

  it("left before it was sent never is", async () => {
    bench = new Bench();
    const iterator = bench.user().call("watchUsers")[Symbol.asyncIterator]();
    const waiting = iterator.next();
    expect(await iterator.return?.()).toEqual({ value: undefined, done: true });
    expect(await waiting).toEqual({ value: undefined, done: true });
    await bench.serve("a");
    expect(bench.session("a").started).toEqual([]);
  });

  it("iterated twice is one call", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = user.call("watchUsers");
    expect(call[Symbol.asyncIterator]()).toBe(call[Symbol.asyncIterator]());
    expect(bench.session("a").started).toHaveLength(1);
    await stream([]);
  });

  it("takes an iterable as its input", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const input = (async function* () {})();
    const imported = user.call("importUsers", input);
    expect(bench.session("a").calls[0]?.input).toBe(input);
    bench.session("a").answer(3);
    expect(await imported).toBe(3);
    const chat = collect(user.call("chat", input));
    expect(bench.session("a").calls[0]?.input).toBe(input);
    await stream(["hello"]);
    expect(await chat).toEqual(["hello"]);
  });

  it("fails its reader when there is no such service", async () => {
    bench = new Bench();
    const reading = outcome(collect(bench.other("nothing").call("watchUsers")));
    bench.registry.set("nothing", []);
    expect(await reading).toMatchObject({ code: "NOT_FOUND", service: "nothing" });
  });
});

describe("a unary call", () => {
  it("iterated says how to use it", async () => {
    bench = new Bench();
    const user = await bench.serve("a");
    const call = user.call("getUser");
    expect(() => call[Symbol.asyncIterator]()).toThrow(WRONG_ITERATION.message);
    bench.session("a").answer(1);
    expect(await call).toBe(1);
  });

  it("of unknown kind, iterated, says so when the kind is known, and is not sent", async () => {
    bench = new Bench();
    const reading = outcome(collect(bench.user().call("getUser")));
    await bench.serve("a");
    expect(await reading).toMatchObject(WRONG_ITERATION);
    expect(bench.session("a").started).toEqual([]);
  });

  it("that fails and is ignored surfaces, as any promise does", async () => {
    bench = new Bench();
    bench.user().call("addUser", "early");
    const user = await bench.serve("a");
    user.call("addUser", "late");
    bench.session("a").refuse(error("NOT_FOUND", "yes", "none", "one"));
    bench.session("a").refuse(error("NOT_FOUND", "yes", "none", "two"));
    await reported();
    const messages = unhandled.splice(0).map((reason) => (reason as Error).message);
    expect(messages.sort()).toEqual(["one", "two"]);
  });
});
