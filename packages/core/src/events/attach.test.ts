import { describe, expect, test } from "vitest";
import type { CallContext } from "../context.ts";
import { createFakeRuntime, loggerTo, plainJsonCodec, settle } from "../testing/index.ts";
import { createEvents } from "./create-events.ts";
import type { EventHandler } from "./event-handler.ts";
import { createMemoryBus } from "./memory-bus.ts";
import { rejected, setUp, TRACE } from "./test/events-world.ts";

describe("a service's handlers", () => {
  const handler = (label: string, handle: EventHandler["handle"], name = label): EventHandler => ({
    name,
    queue: "q",
    concurrency: 1,
    from: "new",
    schema: undefined,
    label,
    handle,
  });

  test("drain: those that run are waited for, then told, then left", async () => {
    const { events, runtime, lines } = setUp();
    const heard: unknown[] = [];
    let end = (): void => {};
    const attached = await events.attach("mail", [
      handler("stubborn", (_, ctx) => {
        ctx.onAbort((reason) => heard.push(String(reason)));
        return new Promise(() => {});
      }),
      handler("polite", (_, ctx) => {
        heard.push(ctx.draining);
        return new Promise<void>((resolve) => {
          end = () => {
            heard.push(ctx.draining, ctx.aborted);
            resolve();
          };
        });
      }),
    ]);
    await events.publish("stubborn");
    await events.publish("polite");
    await settle();
    let drained = false;
    void attached.drain(1000).then(() => {
      drained = true;
    });
    await runtime.clock.advanceAsync(500);
    await events.publish("polite");
    end();
    await runtime.clock.advanceAsync(499);
    expect(heard).toEqual([false, true, false]);
    await runtime.clock.advanceAsync(1);
    expect(heard.slice(3)).toEqual(["Error: the process ends, and has waited long enough"]);
    expect(drained).toBe(false);
    await runtime.clock.advanceAsync(250);
    expect(drained).toBe(true);
    expect(lines.map(([level, message]) => [level, message])).toEqual([
      ["warn", "handlers of events still run: they are told that their time is up"],
    ]);
    expect(runtime.clock.timers).toBe(0);
  });

  test("what will not end keeps nobody: it is left with its bus", async () => {
    const { events, runtime } = setUp();
    await events.attach("mail", [handler("stubborn", () => new Promise(() => {}))]);
    await events.publish("stubborn");
    await settle();
    let left = 0;
    void events
      .drain(100)
      .then(() => events.close(0))
      .then(() => {
        left = runtime.clock.monotonic();
      });
    await runtime.clock.advanceAsync(1000);
    expect(left).toBe(350);
    expect(events.report().subscriptions).toEqual([]);
    expect(runtime.clock.timers).toBe(0);
  });

  test("drain of what is idle is at once, and leaves no timer", async () => {
    const { events, runtime } = setUp();
    const attached = await events.attach("mail", [handler("a", () => {})]);
    await attached.drain(1000);
    expect(runtime.clock.timers).toBe(0);
    expect(events.report().subscriptions).toEqual([]);
  });

  test("what opens while all are drained is closed at once, and drain does not cut what runs", async () => {
    const runtime = createFakeRuntime();
    const memory = createMemoryBus({ runtime });
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const { events } = setUp({
      publish: memory.publish,
      subscribe: async (s) => {
        if (s.name !== "early") await gate;
        return memory.subscribe(s);
      },
    });
    const seen: unknown[] = [];
    const attached = events.attach("mail", [
      handler("early", (_, ctx) => {
        ctx.onAbort((reason) => seen.push(reason));
        return new Promise(() => {});
      }),
      handler("late", () => seen.push("late")),
    ]);
    const subscribed = events.subscribe("late", () => seen.push("late"));
    const refused = rejected(attached);
    await settle();
    await events.publish("early");
    await settle();
    void events.drain(1000);
    await rejected(events.subscribe("early", () => {}));
    open();
    expect(await refused).toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "nothing can be subscribed to: these events are draining, or closed",
    });
    await (await subscribed).close();
    await events.publish("late");
    await settle();
    expect(seen).toEqual([]);
    expect(events.report().subscriptions).toMatchObject([{ event: "early", running: 1 }]);
  });

  test("when the bus refuses one, none is subscribed", async () => {
    const runtime = createFakeRuntime();
    const memory = createMemoryBus({ runtime });
    const { events } = setUp({
      subscribe: (s) => (s.name === "bad" ? Promise.reject(new Error("refused")) : memory.subscribe(s)),
    });
    await expect(
      events.attach("mail", [handler("good", () => {}), handler("bad", () => {})]),
    ).rejects.toThrow("refused");
    expect(events.report().subscriptions).toEqual([]);
  });

  test("their context is that of a call, for clients: cancellation and trace, no deadline, no retry", async () => {
    const runs: CallContext[] = [];
    const runtime = createFakeRuntime();
    const own = createEvents<Record<never, never>>({
      runtime,
      bus: createMemoryBus({ runtime }),
      codecs: [plainJsonCodec],
      logger: loggerTo(() => {}),
      contextStore: {
        get: () => undefined,
        run: (value, fn, argument) => {
          runs.push(value);
          return fn(argument);
        },
      },
    });
    await own.attach("mail", [handler("MailService.welcome", () => {}, "user")]);
    await own.publish("user", 1, { metadata: { traceparent: TRACE } });
    await settle();
    const [context] = runs;
    expect(context).toMatchObject({
      service: "mail",
      method: "MailService.welcome",
      traceparent: TRACE,
      attempt: 0,
      timeLeftMs: Number.POSITIVE_INFINITY,
      aborted: false,
    });
  });
});
