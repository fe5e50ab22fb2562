import { describe, expect, test } from "vitest";
import { settle } from "../testing/index.ts";
import type { BusDelivery, BusSubscription } from "./event-bus.ts";
import type { EventContext } from "./event-context.ts";
import type { PublishOptions } from "./events-client.ts";
import { Counted, rejected, setUp, TRACE } from "./test/events-world.ts";

describe("publish", () => {
  test("what goes onto the bus", async () => {
    const { events, sent, runtime } = setUp();
    await events.publish("user.created", { id: "1" }, { metadata: { Tenant: "ü" }, id: "once" });
    await events.publish("user.gone");
    expect(
      sent.map(({ payload, ...rest }) => ({ ...rest, text: new TextDecoder().decode(payload) })),
    ).toEqual([
      {
        name: "user.created",
        id: "once",
        publishedAt: runtime.clock.now(),
        metadata: { tenant: "ü" },
        contentType: "application/json",
        text: '{"id":"1"}',
      },
      {
        name: "user.gone",
        id: expect.stringMatching(/^id-/),
        publishedAt: runtime.clock.now(),
        metadata: {},
        contentType: "application/json",
        text: "",
      },
    ]);
    expect(events.report()).toEqual({ published: 2, failed: 0, subscriptions: [] });
  });

  test("the trace of the call that is being served goes with it; one of its own wins", async () => {
    const { events, sent, serving } = setUp();
    serving({ traceparent: TRACE, timeLeftMs: 0, aborted: true });
    await events.publish("a");
    await events.publish("a", 1, { metadata: { traceparent: "mine" } });
    expect(sent.map(({ metadata }) => metadata)).toEqual([{ traceparent: TRACE }, { traceparent: "mine" }]);
  });

  test.each([
    [
      "a name with a line",
      "user\r\nPUB",
      1,
      {},
      'event "user\\r\\nPUB": "user\\r\\nPUB" cannot be an event\'s name',
    ],
    ["a pattern", "user.*", 1, {}, 'event "user.*": "user.*" cannot be an event\'s name'],
    ["an id with a space", "user", 1, { id: "a b" }, 'event "user": the id "a b" cannot be'],
    ["a value with a line", "user", 1, { metadata: { a: "x\r\ny" } }, 'metadata "a" has a line break'],
    ["a key with a colon", "user", 1, { metadata: { "a:b": "x" } }, 'metadata "a:b" cannot be a key'],
    [
      "metadata that is large",
      "user",
      1,
      { metadata: { a: "x".repeat(6000) } },
      "metadata is over 16384 bytes",
    ],
    ["what has no form in JSON", "user", () => {}, {}, 'event "user": a function is not JSON'],
    ["an option that is none", "user", 1, { ids: "a" }, 'no option "ids": there are metadata, id, signal'],
    ["no options", "user", 1, null as never, "the options are null: give an object of metadata, id, signal"],
    ["text as metadata", "user", 1, { metadata: "x" as never }, "metadata is of type string: give an object"],
    [
      "a signal that is none",
      "user",
      1,
      { signal: 5 as never },
      "signal is of type number: give an AbortSignal",
    ],
  ])("%s is refused, and not sent", async (_, name, payload, options, message) => {
    const { events, sent } = setUp();
    const error = await rejected(events.publish(name, payload, options as PublishOptions));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", executed: "no" });
    expect(error.message).toContain(message);
    expect(sent).toEqual([]);
    expect(events.report().failed).toBe(1);
  });

  test("a schema refuses before it is sent; what was given is what is sent", async () => {
    const { events, sent } = setUp();
    const error = await rejected(events.publish(Counted["count.even"], { n: 3 }));
    expect(error).toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "no",
      details: { issues: [{ path: "n" }] },
    });
    expect(error.message).toBe("invalid payload of count.even: n: odd");
    await events.publish(Counted["count.even"], { n: 4 });
    expect(sent.map(({ payload }) => new TextDecoder().decode(payload))).toEqual(['{"n":4}']);
  });

  test("what is given up before is not sent; while it is on its way, nobody knows", async () => {
    const { events, sent } = setUp({ publish: () => new Promise(() => {}) });
    const error = await rejected(events.publish("a", 1, { signal: AbortSignal.abort() }));
    expect(error).toMatchObject({ code: "CANCELLED", executed: "no" });
    const abort = new AbortController();
    const publishing = rejected(events.publish("a", 1, { signal: abort.signal }));
    await settle();
    abort.abort();
    expect(await publishing).toMatchObject({ code: "CANCELLED", executed: "maybe" });
    expect(sent).toEqual([]);
  });
});

describe("subscribe", () => {
  test("the handler gets payload and context; the counters move", async () => {
    const { events, lines } = setUp();
    const seen: unknown[] = [];
    await events.subscribe("user.*", (payload: unknown, c: EventContext) => {
      seen.push([payload, c.name, c.id, c.attempt, c.metadata.tenant, c.traceparent, c.aborted, c.draining]);
      c.log.info({}, "seen");
    });
    await events.publish(
      "user.created",
      { id: "1" },
      { id: "e1", metadata: { tenant: "t", traceparent: TRACE } },
    );
    await settle();
    expect(seen).toEqual([[{ id: "1" }, "user.created", "e1", 1, "t", TRACE, false, false]]);
    expect(lines).toEqual([
      ["info", "seen", { handler: "", event: "user.created", id: "e1", traceparent: TRACE }],
    ]);
    expect(events.report().subscriptions).toEqual([
      {
        event: "user.*",
        queue: undefined,
        handler: "",
        running: 0,
        handled: 1,
        failed: 0,
        redelivered: 0,
        dropped: 0,
      },
    ]);
  });

  test("calls and events of a handler inherit the event's trace", async () => {
    const { events, sent } = setUp();
    await events.subscribe("first", () => events.publish("second"));
    await events.publish("first", 1, { metadata: { traceparent: TRACE } });
    await settle();
    expect(sent.map(({ name, metadata }) => [name, metadata.traceparent])).toEqual([
      ["first", TRACE],
      ["second", TRACE],
    ]);
  });

  test("a handler that fails, or what cannot be read, is logged and counted, and the bus is told", async () => {
    const { events, lines, subscribed } = setUp({ delivery: "at-least-once" });
    await events.subscribe(
      Counted["count.even"],
      ({ n }) => {
        if (n === 8) throw new Error("eight");
      },
      { queue: "q" },
    );
    const { handle } = subscribed[0] as BusSubscription;
    const give = (text: string, contentType: string, attempt = 1): Promise<void> => {
      const payload = new TextEncoder().encode(text);
      const event = { name: "count.even", id: "1", publishedAt: 0, metadata: {}, contentType, payload };
      return handle({ event, attempt } satisfies BusDelivery);
    };
    await give('{"n":2}', "Application/JSON; charset=utf-8");
    await give('{"n":2}', "", 2);
    await expect(give('{"n":4}', "application/other", 3)).rejects.toThrow("eight");
    await expect(give('{"n":3}', "application/json")).rejects.toThrow(
      "invalid payload of count.even: n: odd",
    );
    await expect(give("{", "application/json")).rejects.toThrow("not JSON");
    await expect(give("<a/>", "application/xml")).rejects.toThrow(
      'content type "application/xml" is not understood here: application/json and application/other are',
    );
    expect(lines.map(([level, message, { attempt, event }]) => [level, message, attempt, event])).toEqual(
      [3, 1, 1, 1].map((attempt) => [
        "error",
        "the handler of count.even failed: it is given again, or given up",
        attempt,
        "count.even",
      ]),
    );
    expect(events.report().subscriptions).toMatchObject([
      { queue: "q", handled: 2, failed: 4, redelivered: 2 },
    ]);
  });

  test("without a second chance the log says so; what the bus loses is counted", async () => {
    const { events, lines, subscribed } = setUp();
    await events.subscribe("a", () => Promise.reject(new Error("no")));
    await events.publish("a");
    await settle();
    expect(lines[0]?.[1]).toBe("the handler of a failed: it is not given again");
    subscribed[0]?.onTrouble(new Error("3 events given up"), 3);
    expect(lines[1]?.slice(0, 2)).toEqual(["warn", "events of memory:: 3 events given up"]);
    expect(events.report().subscriptions).toMatchObject([{ failed: 1, dropped: 3 }]);
  });

  test.each([
    ["a forged name", "a b", () => {}, {}, '"a b" cannot be subscribed to'],
    ["no function", "a", undefined, {}, "the handler is undefined: give a function"],
    ["a forged queue", "a", () => {}, { queue: "a\r\nb" }, '"a\\r\\nb" cannot be a queue\'s name'],
    ["no concurrency", "a", () => {}, { concurrency: 0 }, "concurrency is 0: give a whole number"],
    ["no time", "a", () => {}, { from: "now" }, 'from is now: give "new", "all", or a time'],
    [
      "a time in nanoseconds",
      "a",
      () => {},
      { from: 1.7e18 },
      "or milliseconds since 1970, up to the year 9999",
    ],
    [
      "a Date after the year 9999",
      "a",
      () => {},
      { from: new Date(253_402_300_800_000) },
      "up to the year 9999",
    ],
    ["no options", "a", () => {}, null, "the options are null: give an object of queue, concurrency, from"],
    ["a slip of the pen", "a", () => {}, { qeue: "x" }, 'there is no option "qeue": there are queue'],
  ])("%s is refused", async (_, name, handler, options, message) => {
    const { events, subscribed } = setUp();
    const error = await rejected(events.subscribe(name, handler as () => void, options as never));
    expect(error.message).toContain(message);
    expect(subscribed).toEqual([]);
  });

  test("from and concurrency as the bus takes them", async () => {
    const { events, subscribed } = setUp();
    await events.subscribe("a", () => {});
    await events.subscribe("a", () => {}, { from: new Date(5), concurrency: 1 });
    expect(subscribed.map(({ from, concurrency }) => [from, concurrency])).toEqual([
      ["new", 64],
      [5, 1],
    ]);
  });

  test("close() of a subscription and of all: no more, once what runs has ended", async () => {
    const { events } = setUp();
    const ends: (() => void)[] = [];
    const wait = (): Promise<void> => new Promise((resolve) => void ends.push(resolve));
    const one = await events.subscribe("a", wait);
    await events.publish("a");
    await settle();
    const told: string[] = [];
    void one.close().then(() => told.push("one"));
    const two = await events.subscribe("b", wait);
    await events.publish("b");
    await settle();
    void events.close().then(() => told.push("all"));
    await settle();
    expect(told).toEqual([]);
    await events.publish("late.from.a.handler");
    ends[0]?.();
    await settle();
    expect(told).toEqual(["one"]);
    ends[1]?.();
    await settle();
    expect(told).toEqual(["one", "all"]);
    await two.close();
    await rejected(events.publish("a"));
    await rejected(events.subscribe("a", wait));
  });
});

test("close() waits for what is being published, and for no more than five seconds", async () => {
  const done: string[] = [];
  let taken = (): void => {};
  const publish = ({ name }: { readonly name: string }): Promise<void> =>
    new Promise((resolve) => {
      if (name === "a") taken = resolve;
    });
  const { events, runtime } = setUp({ publish, close: async () => void done.push("bus closed") });
  void events.publish("a").then(() => done.push("published"));
  const closed = events.close();
  await settle();
  expect(done).toEqual([]);
  taken();
  await closed;
  expect(done).toEqual(["published", "bus closed"]);

  const frozen = setUp({ publish: () => new Promise(() => {}), close: async () => void done.push("left") });
  void frozen.events.publish("b");
  await settle();
  const left = frozen.events.close();
  await frozen.runtime.clock.advanceAsync(4999);
  expect(done).not.toContain("left");
  await frozen.runtime.clock.advanceAsync(1);
  await left;
  expect(done).toContain("left");
  expect(runtime.clock.timers).toBe(0);
});
