import {
  type CallContext,
  createMemoryBus,
  type EventBus,
  Rpc,
  RpcError,
  Service,
  silentLogger,
} from "@skein/core";
import { describe, expect, test } from "vitest";
import { currentContext } from "../ambient.ts";
import { nodeRuntime } from "../node-runtime.ts";
import { UserService, useBench } from "../test/app-bench.ts";
import { createEvents } from "./create-events.ts";
import { On } from "./on.ts";

declare module "skein" {
  interface Events {
    "user.created": { readonly id: string };
    "cache.cleared": undefined;
    job: number;
    done: number;
    went: undefined;
    value: unknown;
  }
}

const bench = useBench();
const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
let names = 0;
const ownBus = (): string => `memory:events-${++names}`;

/** Resolves once `holds`, looked at every few ms. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(holds()).toBe(true);
}

@Service("mail")
class MailService {
  readonly seen: string[] = [];
  onStart(): void {
    this.seen.push("start");
  }
  onStop(): void {
    this.seen.push("stop");
  }
  @On("user.created") welcome(user: { id: string }): void {
    this.seen.push(`welcome ${user.id}`);
  }
  @On("cache.*", { broadcast: true }) forget(): void {
    this.seen.push("forget");
  }
}

describe("a service with handlers alone", () => {
  test("is announced, gets events once it has started, and none once it is closed", async () => {
    const events = ownBus();
    const mail = new MailService();
    const app = await bench.start([mail], { events });
    expect(app.services()).toMatchObject([{ service: "mail" }]);
    await using client = createEvents({ events, log: silentLogger });
    await client.publish("user.created", { id: "1" });
    await until(() => mail.seen.length === 2);
    expect(app.events.report().subscriptions).toMatchObject([
      { event: "user.created", queue: "mail", handler: "MailService.welcome", handled: 1, failed: 0 },
      { event: "cache.*", queue: undefined, handler: "MailService.forget", handled: 0 },
    ]);
    await app.close();
    await client.publish("user.created", { id: "2" });
    expect(mail.seen).toEqual(["start", "welcome 1", "stop"]);
  });

  test("its instances share events, and each gets those that are broadcast", async () => {
    const events = ownBus();
    const mails = [new MailService(), new MailService()];
    const [first] = await Promise.all(mails.map((mail) => bench.start([mail], { events })));
    for (let i = 0; i < 10; i++) await first?.events.publish("user.created", { id: String(i) });
    await first?.events.publish("cache.cleared");
    await until(() => mails.every(({ seen }) => seen.includes("forget")));
    const welcomed = mails.map(({ seen }) => seen.filter((text) => text.startsWith("welcome")));
    expect(welcomed.flat().sort()).toEqual(Array.from({ length: 10 }, (_, i) => `welcome ${i}`));
    expect(welcomed.map(({ length }) => length)).toEqual([5, 5]);
  });

  test("comes and goes with add() and remove()", async () => {
    const events = ownBus();
    const mail = new MailService();
    const app = await bench.start([], { events });
    await app.add(mail);
    await app.events.publish("user.created", { id: "1" });
    await until(() => mail.seen.length === 2);
    await app.remove("mail");
    await app.events.publish("user.created", { id: "2" });
    expect(mail.seen).toEqual(["start", "welcome 1", "stop"]);
    expect(app.events.report().subscriptions).toEqual([]);
  });
});

describe("draining", () => {
  test("takes no more at once, waits for what runs, and that before onStop; handlers still publish", async () => {
    const events = ownBus();
    const order: string[] = [];
    let end = (): void => {};
    @Service("slow")
    class Slow {
      @On("job", { concurrency: 1 }) async run(n: number): Promise<void> {
        order.push(`begins ${n}`);
        await new Promise<void>((resolve) => {
          end = resolve;
        });
        await app.events.publish("done", n);
        order.push(`ends ${n}`);
      }
      onStop(): void {
        order.push("onStop");
      }
    }
    await using watcher = createEvents({ events, log: silentLogger });
    const done: unknown[] = [];
    await watcher.subscribe("done", (n) => void done.push(n));
    const app = await bench.start([new Slow()], { events });
    await watcher.publish("job", 1);
    await until(() => order.length === 1);
    const closing = app.close();
    await watcher.publish("job", 2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([app.state, order]).toEqual(["draining", ["begins 1"]]);
    end();
    await closing;
    expect(order).toEqual(["begins 1", "ends 1", "onStop"]);
    await until(() => done.length === 1);
  });

  test("after graceMs the handler is told, and its calls are cancelled", async () => {
    const events = ownBus();
    const told: unknown[] = [];
    @Service("stubborn")
    class Stubborn {
      @On("job") async run(_: unknown): Promise<void> {
        const context = currentContext() as CallContext;
        context.onAbort((reason) => told.push(String(reason)));
        await new Promise(() => {});
      }
    }
    const app = await bench.start([new Stubborn()], { events, graceMs: 100, context: true });
    await app.events.publish("job", 1);
    await until(() => app.events.report().subscriptions[0]?.running === 1);
    const before = Date.now();
    await app.close();
    expect(told).toEqual(["Error: the process ends, and has waited long enough"]);
    expect(Date.now() - before).toBeLessThan(8000);
    expect(bench.logs.find("their time is up")).toMatchObject({ level: "warn", running: 1 });
  });
});

test("trace and context go from a call through an event into a call, without its deadline", async () => {
  const events = ownBus();
  let seen: { left: number; trace: string | undefined; event: string | undefined } | undefined;
  @Service("target")
  class Target {
    @Rpc() async trace(_: undefined, ctx: CallContext): Promise<string | undefined> {
      return ctx.traceparent;
    }
  }
  await using client = bench.client();
  @Service("source")
  class Source {
    @Rpc() async go(): Promise<void> {
      await app.events.publish("went");
    }
    @On("went") async went(): Promise<void> {
      const left = currentContext()?.timeLeftMs ?? 0;
      const trace = await client.service<Target>("target").trace();
      seen = { left, trace, event: currentContext()?.traceparent };
    }
  }
  const app = await bench.start([new Source(), new Target()], { events });
  await client
    .service<Source>("source")
    .go(undefined, { timeoutMs: 10_000, metadata: { traceparent: TRACE } });
  await until(() => seen !== undefined);
  expect(seen).toEqual({ left: Number.POSITIVE_INFINITY, trace: TRACE, event: TRACE });
});

test("a handler that fails is logged, counted, and stops nothing", async () => {
  @Service("failing")
  class Failing {
    @On("job") run(n: number): void {
      if (n === 1) throw new Error("on purpose");
    }
  }
  const app = await bench.start([new Failing()], { events: ownBus() });
  for (const n of [1, 2]) await app.events.publish("job", n);
  await until(() => app.events.report().subscriptions[0]?.handled === 1);
  expect(app.events.report().subscriptions).toMatchObject([{ handled: 1, failed: 1 }]);
  expect(bench.logs.find("the handler of job failed: it is not given again")).toMatchObject({
    level: "error",
    service: "failing",
    handler: "Failing.run",
    event: "job",
    attempt: 1,
    err: expect.objectContaining({ message: "on purpose" }),
  });
});

test("by default events stay within the process, which is said once; options that are wrong are named", async () => {
  const app = await bench.start([new MailService()], {});
  await app.events.publish("value");
  const said = "events stay within this process: SKEIN_EVENTS=nats://… carries them to others";
  expect(bench.logs.lines.filter(({ message }) => message === said).length).toBe(1);
  await expect(bench.start([new MailService()], { events: "kafka://a" })).rejects.toThrow(
    "option events=kafka://a names no event bus",
  );
  expect(() => createEvents({ eventCodec: "xml" as never, log: silentLogger })).toThrow(
    "option eventCodec=xml is unknown: give json, msgpack, or a CodecFactory",
  );
});

test("what was refused, and who is closed, keep no process alive; a subscription does", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const events = createEvents({ events: ownBus(), log: silentLogger });
  await expect(events.subscribe("no name" as never, () => {})).rejects.toThrow("cannot be subscribed to");
  expect(timers()).toBe(before);
  await events.subscribe("value", () => {});
  expect(timers()).toBe(before + 1);
  const late = events.subscribe("job", () => {});
  await events.close();
  await late;
  await expect(events.subscribe("value", () => {})).rejects.toThrow("closed");
  expect(timers()).toBe(before);
});

test("MessagePack where it is chosen; what was published as JSON is understood as well", async () => {
  const events = ownBus();
  await using own = createEvents({ events, eventCodec: "msgpack", log: silentLogger });
  await using other = createEvents({ events, log: silentLogger });
  const seen: unknown[] = [];
  await own.subscribe("value", (payload) => void seen.push(payload));
  await own.publish("value", new Uint8Array([1, 2]));
  await other.publish("value", { json: true });
  await until(() => seen.length === 2);
  expect(seen).toEqual([new Uint8Array([1, 2]), { json: true }]);
});

test("a bus that is given as an object is its owner's; one that refuses keeps the service from starting", async () => {
  const bus = createMemoryBus({ runtime: nodeRuntime });
  const app = await bench.start([new MailService()], { events: bus });
  await app.close();
  const refusing: EventBus = {
    ...bus,
    subscribe: (subscription) =>
      subscription.name === "cache.*"
        ? Promise.reject(new RpcError("UNAVAILABLE", "no way"))
        : bus.subscribe(subscription),
  };
  await bus.subscribe({
    name: "a",
    queue: undefined,
    concurrency: 1,
    from: "new",
    handle: async () => {},
    onTrouble: () => {},
  });
  const mail = new MailService();
  await expect(bench.start([mail], { events: refusing })).rejects.toThrow("no way");
  expect(mail.seen).toEqual(["start", "stop"]);
});

test("a bus that refuses an added service leaves nothing of it: it can be added again", async () => {
  const bus = createMemoryBus({ runtime: nodeRuntime });
  let refuses = true;
  const subscribe: EventBus["subscribe"] = (given) =>
    refuses ? Promise.reject(new RpcError("UNAVAILABLE", "no way")) : bus.subscribe(given);
  const app = await bench.start([new UserService()], { events: { ...bus, subscribe } });
  const mail = new MailService();
  await expect(app.add(mail)).rejects.toThrow("no way");
  expect(mail.seen).toEqual(["start", "stop"]);
  expect(app.report().map(({ service }) => service)).not.toContain("mail");
  refuses = false;
  expect(await app.add(mail)).toMatchObject({ service: "mail" });
});
