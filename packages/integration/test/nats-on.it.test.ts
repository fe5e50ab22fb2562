import { silentLogger } from "@skein/core";
import { type CreateEventsOptions, createEvents, type EventContext, On, Service, serve } from "skein";
import { describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../../nats/src/test/nats-server.ts";

const TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

declare module "skein" {
  interface Events {
    "desk.called": { readonly n: number };
    "desk.cleared": undefined;
  }
}

/** Fails at the first attempt of every third event. */
@Service("desk")
class Desk {
  readonly seen: string[] = [];
  @On("desk.called", { queue: "callers" }) async called(
    { n }: { n: number },
    ctx: EventContext,
  ): Promise<void> {
    if (n % 3 === 0 && ctx.attempt === 1) throw new Error("on purpose");
    this.seen.push(`${n} ${ctx.attempt} ${ctx.metadata.tenant} ${ctx.traceparent}`);
  }
  @On("desk.*", { broadcast: true }) all(_: unknown, ctx: EventContext): void {
    this.seen.push(ctx.name);
  }
}

const common = { log: silentLogger, signals: false, registry: "memory:" } as const;

describe.skipIf(natsBinary() === undefined)("@On and createEvents() over NATS", () => {
  test.each([
    ["core", "", [1, 2, 4, 5, 7, 8]],
    ["JetStream", "?stream=EVENTS", [1, 2, 3, 4, 5, 6, 7, 8, 9]],
  ])(
    "%s: two instances share a queue, each gets what is broadcast, failures are given again where they can",
    async (_, query, handled) => {
      await using server = await started();
      const events = `${server.url}/${query}`;
      const desks = [new Desk(), new Desk()];
      const apps = await Promise.all(desks.map((desk) => serve(desk, { ...common, events })));
      const options: CreateEventsOptions = { log: silentLogger, events };
      await using publisher = createEvents(options);
      const metadata = { tenant: "grün", traceparent: TRACE };
      for (let n = 1; n <= 9; n++) await publisher.publish("desk.called", { n }, { metadata });
      await publisher.publish("desk.cleared");
      const called = (): string[] =>
        desks.flatMap(({ seen }) => seen.filter((text) => /^\d/.test(text))).sort();
      const expected = handled.map((n) => `${n} ${n % 3 === 0 ? 2 : 1} grün ${TRACE}`);
      await expect.poll(called, { timeout: 8000 }).toEqual(expected);
      for (const { seen } of desks) {
        await expect.poll(() => seen.filter((text) => text === "desk.called").length).toBe(9);
        await expect.poll(() => seen.filter((text) => text === "desk.cleared").length).toBe(1);
      }
      const sums = (): number[] => {
        const reports = apps.flatMap((app) => app.events.report().subscriptions);
        const sum = (key: "handled" | "failed" | "redelivered"): number =>
          reports.filter(({ queue }) => queue === "callers").reduce((total, one) => total + one[key], 0);
        return [sum("handled"), sum("failed"), sum("redelivered")];
      };
      await expect.poll(sums).toEqual([handled.length, 3, handled.length - 6]);
      await Promise.all(apps.map((app) => app.close()));
    },
  );
});

describe.skipIf(natsBinary() === undefined)("instances that come and go under events", () => {
  test.each([
    ["core", ""],
    ["JetStream", "?stream=EVENTS"],
  ])("%s: a rolling restart loses none, and handles none twice", async (_, query) => {
    await using server = await started();
    const events = `${server.url}/${query}`;
    const seen: number[] = [];
    @Service("desk")
    class Slow {
      @On("desk.called", { concurrency: 4 }) async called({ n }: { n: number }): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, 5));
        seen.push(n);
      }
    }
    const start = () => serve(new Slow(), { ...common, events });
    const apps = [await start(), await start()];
    await using publisher = createEvents({ log: silentLogger, events });
    let published = 0;
    let stopped = false;
    const publishing = (async () => {
      while (!stopped) {
        await publisher.publish("desk.called", { n: ++published });
        if (published % 3 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
    for (let i = 0; i < 4; i++) {
      const until = published + 60;
      await expect.poll(() => published, { timeout: 8000 }).toBeGreaterThan(until);
      apps.push(await start());
      await apps.shift()?.close();
    }
    stopped = true;
    await publishing;
    await expect.poll(() => seen.length, { timeout: 8000 }).toBeGreaterThanOrEqual(published);
    await Promise.all(apps.map((app) => app.close()));
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: published }, (_, i) => i + 1));
  });
});

async function started(): Promise<AsyncDisposable & { readonly url: string }> {
  const server = await NatsServer.startJetStream();
  return { url: server.url, [Symbol.asyncDispose]: () => server.close() };
}
