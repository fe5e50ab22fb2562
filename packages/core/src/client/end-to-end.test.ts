import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { CallContext } from "../context.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { define } from "../session/test/session-pair.ts";
import { settle } from "../testing/fake-clock.ts";
import type { Client } from "./client.ts";
import { NOTHING, outcome } from "./test/bench-client.ts";
import { Cluster } from "./test/cluster.ts";

interface User {
  get(input: { id: string }): Promise<{ id: string; by: string }>;
  add(input: string): Promise<string>;
  watch(input: { from: number }): AsyncIterable<number>;
  sum(input: AsyncIterable<number>): Promise<number>;
  echo(input: AsyncIterable<string>): AsyncIterable<string>;
}

let cluster: Cluster;
/** What was executed: instance and input. */
let ledger: string[];
let streams: string[];
/** Handlers of `slow` wait for it. */
let gate: PromiseWithResolvers<void>;

interface PromiseWithResolvers<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}
function withResolvers<T>(): PromiseWithResolvers<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((r) => {
    resolve = r;
  });
  return { promise, resolve };
}

beforeEach(() => {
  cluster = new Cluster();
  ledger = [];
  streams = [];
  gate = withResolvers();
});
afterEach(async () => {
  gate.resolve();
  expect(await cluster.close()).toEqual(NOTHING);
});

function userService(by: string) {
  return define("user", {
    get: { idempotent: true, handler: (input) => ({ id: (input as { id: string }).id, by }) },
    add: (input) => {
      ledger.push(`${by} ${input as string}`);
      return by;
    },
    slow: {
      idempotent: true,
      handler: async (input, context) => {
        ledger.push(`${by} slow ${input as string} attempt ${context.attempt}`);
        await gate.promise;
        return by;
      },
    },
    slowAdd: async (input) => {
      ledger.push(`${by} slowAdd ${input as string}`);
      await gate.promise;
      return by;
    },
    fails: () => {
      throw new RpcError("NOT_FOUND", "no such user", { type: "USER_GONE", details: { id: "7" } });
    },
    crashes: () => {
      throw new Error("secret text");
    },
    watch: {
      kind: "server-stream",
      handler: async function* (input) {
        try {
          for (let i = (input as { from: number }).from; ; i++) yield i;
        } finally {
          streams.push(`${by} ended`);
        }
      },
    },
    sum: {
      kind: "client-stream",
      handler: async (input) => {
        let sum = 0;
        for await (const n of input as AsyncIterable<number>) sum += n;
        return sum;
      },
    },
    echo: {
      kind: "bidi-stream",
      handler: async function* (input) {
        for await (const text of input as AsyncIterable<string>) yield `${text}!`;
      },
    },
  });
}

type Untyped = Record<string, (input?: unknown, options?: object) => Promise<unknown>>;
const untyped = (client: Client, name = "user"): Untyped => client.service(name) as unknown as Untyped;

async function start(...ids: string[]): Promise<Client> {
  for (const id of ids) cluster.start(id, userService(id));
  cluster.list("user", ...ids);
  const client = cluster.client();
  client.service("user");
  await settle();
  return client;
}

describe("calls", () => {
  it("of each kind come back, typed, over the first call on", async () => {
    cluster.start("a", userService("a"));
    cluster.list("user", "a");
    const client = cluster.client();
    const user = client.service<User>("user");
    const early = [user.get({ id: "1" }), user.add("x"), user.sum(from([1, 2, 3]))] as const;
    expect(await Promise.all(early)).toEqual([{ id: "1", by: "a" }, "a", 6]);
    expect(await user.call("get", { id: "2" })).toEqual({ id: "2", by: "a" });
    expect(await take(user.watch({ from: 3 }), 4)).toEqual([3, 4, 5, 6]);
    expect(await take(user.echo(from(["a", "b"])), 9)).toEqual(["a!", "b!"]);
    await settle();
    expect(streams).toEqual(["a ended"]);
    expect(client.report().map((r) => [r.method, r.started, r.succeeded, r.failed])).toEqual([
      ["get", 2, 2, 0],
      ["add", 1, 1, 0],
      ["sum", 1, 1, 0],
      ["watch", 1, 1, 0],
      ["echo", 1, 1, 0],
    ]);
  });

  it("fail with what the handler threw, and with INTERNAL for what it did not mean", async () => {
    const client = await start("a");
    expect(await outcome(untyped(client).fails?.() as Promise<unknown>)).toMatchObject({
      code: "NOT_FOUND",
      message: "no such user",
      type: "USER_GONE",
      details: { id: "7" },
      executed: "yes",
      service: "user",
      method: "fails",
      instance: "a",
    });
    const crash = (await outcome(untyped(client).crashes?.() as Promise<unknown>)) as RpcError;
    expect(crash).toMatchObject({ code: "INTERNAL", executed: "yes" });
    expect(crash.message).not.toContain("secret");
    expect(crash.id).not.toBe(undefined);
  });

  it("end at their deadline, here and there", async () => {
    const client = await start("a");
    const call = outcome(untyped(client).slow?.("x", { timeoutMs: 200 }) as Promise<unknown>);
    await cluster.runtime.clock.advanceAsync(230);
    expect(await call).toMatchObject({
      code: "DEADLINE_EXCEEDED",
      executed: "maybe",
      instance: "a",
      message: "user.slow: the deadline passed",
    });
  });
});

describe("nested calls", () => {
  /** a calls b, b calls c, c waits until it is told to stop. */
  function chainOfThree(seen: {
    deadlines: number[];
    aborted: string[];
    traces: (string | undefined)[];
  }): void {
    const client = cluster.client();
    const note = (name: string, context: CallContext, go?: () => unknown): unknown => {
      seen.deadlines.push(Math.round(cluster.runtime.clock.monotonic() + context.timeLeftMs));
      seen.traces.push(context.traceparent);
      context.onAbort(() => void seen.aborted.push(name));
      return go?.();
    };
    cluster.start(
      "a",
      define("a", { go: (_, context) => note("a", context, () => untyped(client, "b").go?.()) }),
    );
    cluster.start(
      "b",
      define("b", {
        go: (_, context) => note("b", context, () => untyped(client, "c").go?.(1, { timeoutMs: 60_000 })),
      }),
    );
    cluster.start(
      "c",
      define("c", {
        go: async (_, context) => {
          note("c", context);
          await gate.promise;
        },
      }),
    );
    for (const id of ["a", "b", "c"]) cluster.list(id, id);
  }

  it("inherit deadline and trace, and stop everywhere when the first caller stops", async () => {
    const seen = { deadlines: [] as number[], aborted: [] as string[], traces: [] as (string | undefined)[] };
    chainOfThree(seen);
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const controller = new AbortController();
    const a = untyped(cluster.client(), "a");
    const call = outcome(
      a.go?.(1, { signal: controller.signal, timeoutMs: 700, metadata: { traceparent } }) as Promise<unknown>,
    );
    await settle();
    await settle();
    expect(seen).toMatchObject({
      deadlines: [700, 700, 700],
      traces: [traceparent, traceparent, traceparent],
    });
    controller.abort();
    await settle();
    expect(seen.aborted).toEqual(["a", "b", "c"]);
    expect(await call).toMatchObject({ code: "CANCELLED", service: "a" });
  });

  it("do not carry a nested call's advice to retry outwards", async () => {
    const client = cluster.client();
    cluster.start("a", define("a", { go: () => untyped(client, "b").go?.() }));
    cluster.start("a2", define("a", { go: () => untyped(client, "b").go?.() }));
    cluster.list("a", "a", "a2");
    cluster.list("b", "b");
    const result = await outcome(untyped(cluster.client(), "a").go?.() as Promise<unknown>);
    expect(result).toMatchObject({ executed: "yes", retry: "none", service: "a" });
  });
});

describe("an instance killed in mid-call", () => {
  it("costs idempotent calls nothing; the others are told that nobody knows", async () => {
    const client = await start("a", "b");
    const user = untyped(client);
    const calls = [1, 2, 3, 4].map((n) => outcome(user.slow?.(`${n}`) as Promise<unknown>));
    const adds = [1, 2].map((n) => outcome(user.slowAdd?.(`${n}`) as Promise<unknown>));
    await settle();
    cluster.running.get("a")?.kill();
    await cluster.runtime.clock.advanceAsync(30);
    gate.resolve();
    expect(await Promise.all(calls)).toEqual(["b", "b", "b", "b"]);
    const ends = await Promise.all(adds);
    expect(ends.filter((end) => end === "b")).toHaveLength(1);
    expect(ends.find((end) => end !== "b")).toMatchObject({
      code: "UNAVAILABLE",
      executed: "maybe",
      instance: "a",
    });
    expect(ledger.filter((line) => line.includes("attempt 1"))).toHaveLength(2);
    // The non-idempotent one was executed once, and is not repeated.
    expect(ledger.filter((line) => line.includes("slowAdd"))).toHaveLength(2);
  });

  it("is left alone at once: later calls all succeed", async () => {
    const client = await start("a", "b");
    cluster.running.get("a")?.kill();
    await settle();
    for (let i = 0; i < 20; i++) expect(await untyped(client).add?.(`${i}`)).toBe("b");
  });
});

describe("an instance that drains", () => {
  it("loses no call: what runs ends there, what comes goes elsewhere", async () => {
    const client = await start("a", "b");
    const user = untyped(client);
    const running = [1, 2].map((n) => outcome(user.slowAdd?.(`${n}`) as Promise<unknown>));
    await settle();
    const drained = cluster.running.get("a")?.server.drain();
    // Sent before GOAWAY can have been read.
    const crossing = Array.from({ length: 10 }, (_, n) =>
      outcome(user.add?.(`crossing ${n}`) as Promise<unknown>),
    );
    await settle();
    const after = Array.from({ length: 10 }, (_, n) => outcome(user.add?.(`after ${n}`) as Promise<unknown>));
    expect(new Set(await Promise.all([...crossing, ...after]))).toEqual(new Set(["b"]));
    gate.resolve();
    expect(new Set(await Promise.all(running))).toEqual(new Set(["a", "b"]));
    await drained;
    expect(ledger).toHaveLength(22);
  });

  it("rolls: each instance replaced in turn under load, no call fails", async () => {
    const client = await start("a", "b");
    const user = untyped(client);
    const results: Promise<unknown>[] = [];
    const listed = ["a", "b"];
    for (const [index, old] of ["a", "b"].entries()) {
      const fresh = `new-${index}`;
      cluster.start(fresh, userService(fresh));
      listed.push(fresh);
      cluster.list("user", ...listed);
      for (let i = 0; i < 20; i++) results.push(outcome(user.add?.(`${index} ${i}`) as Promise<unknown>));
      await settle();
      listed.splice(listed.indexOf(old), 1);
      const leaving = cluster.running.get(old)?.server.drain();
      for (let i = 0; i < 20; i++) results.push(outcome(user.add?.(`${index} ${i}`) as Promise<unknown>));
      cluster.list("user", ...listed);
      await settle();
      await leaving;
      cluster.running.delete(old);
    }
    const ended = await Promise.all(results);
    expect(ended.filter((end) => typeof end !== "string")).toEqual([]);
    expect(ledger).toHaveLength(80);
  });
});

describe("an instance that falls silent", () => {
  it("is suspected within 1.5 s: its idempotent calls are answered by others, its connection is kept", async () => {
    const client = await start("a", "b");
    const user = untyped(client);
    cluster.running.get("a")?.freeze(true);
    const calls = [1, 2, 3, 4].map((n) =>
      outcome(user.get?.({ id: `${n}` }, { timeoutMs: 5000 }) as Promise<unknown>),
    );
    await cluster.runtime.clock.advanceAsync(2000);
    expect(await Promise.all(calls)).toEqual([1, 2, 3, 4].map((n) => ({ id: `${n}`, by: "b" })));
    for (let i = 0; i < 6; i++) expect(await user.add?.(`${i}`)).toBe("b");
    cluster.running.get("a")?.freeze(false);
    await cluster.runtime.clock.advanceAsync(500);
    const by = new Set<unknown>();
    for (let i = 0; i < 6; i++) by.add(await user.add?.(`${i}`));
    expect(by).toEqual(new Set(["a", "b"]));
    expect(cluster.running.get("a")?.links).toHaveLength(1);
  });
});

describe("an address that now belongs to another instance", () => {
  it("executes nothing there", async () => {
    const client = await start("a", "b");
    cluster.running.get("a")?.kill();
    // The port of a is taken over by c, which is the same service, and by another service later.
    const c = cluster.start("c", userService("c"));
    cluster.running.set("a", c);
    for (let i = 0; i < 10; i++) {
      await cluster.runtime.clock.advanceAsync(100);
      expect(await untyped(client).add?.(`${i}`)).toBe("b");
    }
    expect(c.links.length).toBeGreaterThan(0);
    expect(ledger.filter((line) => line.startsWith("c"))).toEqual([]);
  });
});

describe("closing", () => {
  it("with calls and streams in flight leaves nothing", async () => {
    const client = await start("a", "b");
    const user = client.service<User & { slow(input: string): Promise<string> }>("user");
    const call = outcome(user.slow("x"));
    const reading = outcome(take(user.watch({ from: 0 }), 1_000_000));
    await settle();
    await client.close();
    expect(await call).toMatchObject({ code: "CANCELLED", executed: "maybe" });
    expect(await reading).toMatchObject({ code: "CANCELLED" });
    await settle();
    expect(streams).toHaveLength(1);
  });

  it("by `await using`", async () => {
    cluster.start("a", userService("a"));
    cluster.list("user", "a");
    {
      await using client = cluster.client();
      expect(await untyped(client).add?.("x")).toBe("a");
    }
    expect(await outcome(untyped(cluster.clients[0] as Client).add?.("y") as Promise<unknown>)).toMatchObject(
      {
        code: "CANCELLED",
      },
    );
  });
});

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function take<T>(items: AsyncIterable<T>, n: number): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) {
    all.push(item);
    if (all.length === n) break;
  }
  return all;
}
