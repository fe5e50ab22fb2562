import { RpcError } from "@skein/core";
import { expect } from "vitest";
import { durableCases } from "./durable-cases.ts";
import { endCases } from "./end-cases.ts";
import type { BusCase } from "./harness.ts";
import { onStage, quiet, refusal, soon } from "./heard.ts";

const ALL_BYTES = Uint8Array.from({ length: 100 * 1024 }, (_, i) => (i * 31) & 0xff);

/** Who gets an event. */
const routes: readonly BusCase[] = [
  {
    name: "everyone without a queue gets each event, whoever publishes",
    run: (harness) =>
      onStage(harness, async ({ name, other, listen, publish }) => {
        const second = await other();
        const user = name("user.created");
        const all = [await listen(user), await listen(user), await listen(user, { on: second })];
        const events = [await publish(user), await publish(user, { on: second }), await publish(user)];
        await Promise.all(all.map((heard) => heard.begun(3)));
        await quiet();
        for (const heard of all) expect(heard.ids.sort()).toEqual(events.map(({ id }) => id).sort());
      }),
  },
  {
    name: "what is published once subscribe() has resolved is received",
    run: (harness) =>
      onStage(harness, async ({ name, other, listen, publish }) => {
        const publisher = await other();
        for (let i = 0; i < 20; i++) {
          const heard = await listen(name(`ready.n${i}`), { ...(i % 2 === 0 && { queue: name("q") }) });
          await publish(name(`ready.n${i}`), { on: publisher });
          await heard.begun(1);
        }
      }),
  },
  {
    name: "one of a queue gets each event; each queue, and everyone without one, has its own",
    run: (harness) =>
      onStage(harness, async ({ name, other, listen, publish }) => {
        const second = await other();
        const user = name("user.created");
        const mailers = [
          await listen(user, { queue: name("mailer") }),
          await listen(user, { queue: name("mailer"), on: second }),
        ];
        const auditor = await listen(user, { queue: name("auditor") });
        const anyone = await listen(user, { on: second });
        const events = [];
        for (let i = 0; i < 60; i++) events.push(await publish(user));
        const ids = events.map(({ id }) => id).sort();
        await Promise.all([auditor.handled(60), anyone.handled(60)]);
        await quiet();
        expect(mailers.flatMap((heard) => heard.ids).sort()).toEqual(ids);
        expect(auditor.ids.sort()).toEqual(ids);
        expect(anyone.ids.sort()).toEqual(ids);
      }),
  },
  {
    name: "a queue's events are shared out among its members",
    run: (harness) =>
      onStage(harness, async ({ name, other, listen, publish }) => {
        const options = { queue: name("mailer"), concurrency: 4, handle: () => quiet(5) };
        const user = name("user.created");
        const members = [
          await listen(user, options),
          await listen(user, { ...options, on: await other() }),
          await listen(user, { ...options, on: await other() }),
        ];
        for (let i = 0; i < 300; i++) void publish(user);
        await quiet();
        const total = (): number => members.reduce((n, heard) => n + heard.ended, 0);
        await soon(harness, () => total() >= 300);
        expect(total()).toBe(300);
        expect(new Set(members.flatMap((heard) => heard.ids)).size).toBe(300);
        for (const heard of members) expect(heard.ended, "one member's share of 300").toBeGreaterThan(30);
      }),
  },
  {
    name: "a name is taken as it stands; * is one token, > one or more",
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        const patterns = {
          "user.created": ["user.created"],
          "user.*": ["user.created", "user.gone"],
          "*.created": ["user.created", "order.created", "USER.created"],
          "user.>": ["user.created", "user.gone", "user.gone.twice"],
          "user.*.twice": ["user.gone.twice"],
          ">": ["user", "user.created", "user.gone", "user.gone.twice", "order.created", "USER.created"],
        };
        const heard = new Map<string, Awaited<ReturnType<typeof listen>>>();
        for (const pattern of Object.keys(patterns)) heard.set(pattern, await listen(name(pattern)));
        for (const event of patterns[">"]) await publish(name(event));
        await heard.get(">")?.begun(6);
        await quiet();
        const seen = Object.keys(patterns).map((pattern) => [
          pattern,
          heard
            .get(pattern)
            ?.deliveries.map(({ event }) => event.name)
            .sort(),
        ]);
        expect(Object.fromEntries(seen)).toEqual(
          Object.fromEntries(Object.entries(patterns).map(([p, names]) => [p, names.map(name).sort()])),
        );
      }),
  },
  {
    name: "of one queue's names that take an event, each gets it once",
    run: (harness) =>
      onStage(harness, async ({ name, other, listen, publish }) => {
        const queue = name("mailer");
        const second = await other();
        const [exact, any] = [name("user.created"), name("user.*")];
        const both = [
          await Promise.all([listen(exact, { queue }), listen(exact, { queue, on: second })]),
          await Promise.all([listen(any, { queue }), listen(any, { queue, on: second })]),
        ];
        const ids = [];
        for (let i = 0; i < 20; i++) ids.push((await publish(exact)).id);
        const got = (members: readonly { ids: string[] }[]): string[] =>
          members.flatMap((heard) => heard.ids);
        await soon(harness, () => both.every((members) => got(members).length >= 20));
        await quiet();
        for (const members of both) expect(got(members).sort()).toEqual(ids.sort());
      }),
  },
  {
    name: "nobody who listens is no error",
    run: (harness) =>
      onStage(harness, async ({ name, publish }) => {
        for (let i = 0; i < 3; i++) await publish(name("nobody.listens"));
      }),
  },
];

/** What arrives. */
const contents: readonly BusCase[] = [
  {
    name: "name, id, time, metadata, content type and payload arrive as they were given",
    run: (harness) =>
      onStage(harness, async ({ bus, name, listen, publish }) => {
        expect(bus.delivery).toBe(harness.delivery);
        const heard = await listen(name("file.*"), { concurrency: 1 });
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        const metadata = { traceparent, "tenant-id": "a b=c%20;,\"'", note_1: "Grüße, 鳥 🐦", "x.empty": "" };
        const events = [
          await publish(name("file.none"), { payload: new Uint8Array(0) }),
          await publish(name("file.some"), { metadata, publishedAt: 1_234_567_890_123 }),
          await publish(name("file.bytes"), { payload: ALL_BYTES, contentType: "application/msgpack" }),
        ];
        await heard.begun(3);
        for (const [i, sent] of events.entries()) {
          const { event, attempt } = heard.deliveries[i] as (typeof heard.deliveries)[number];
          expect(attempt).toBe(1);
          expect({ ...event, metadata: { ...event.metadata }, payload: undefined }).toEqual({
            ...sent,
            payload: undefined,
          });
          expect(event.payload.length).toBe(sent.payload.length);
          expect(
            event.payload.every((byte, at) => byte === sent.payload[at]),
            `payload of ${sent.name}`,
          ).toBe(true);
        }
      }),
  },
  {
    name: "with a concurrency of 1 a publisher's events come in its order",
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        const heard = await listen(name("step"), { concurrency: 1 });
        const events = await Promise.all(Array.from({ length: 300 }, () => publish(name("step"))));
        await heard.handled(300);
        expect(heard.ids).toEqual(events.map(({ id }) => id));
        expect(heard.mostRunning).toBe(1);
      }),
  },
  {
    name: "as many handlers run at once as the concurrency says, and no more",
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        const heard = await listen(name("slow"), { concurrency: 3, handle: () => quiet(20) });
        await Promise.all(Array.from({ length: 15 }, () => publish(name("slow"))));
        await heard.handled(15);
        expect(heard.mostRunning).toBe(3);
      }),
  },
  {
    name: "a payload above the bus's limit is refused, and not sent",
    needs: "a known limit",
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        const most = harness.maxPayloadBytes ?? 0;
        const heard = await listen(name("large"));
        const error = await refusal(publish(name("large"), { payload: new Uint8Array(most + 1) }));
        expect(RpcError.is(error), String(error)).toBe(true);
        expect(error).toMatchObject({ code: "RESOURCE_EXHAUSTED", executed: "no" });
        expect(error.message).toContain(String(most));
        await publish(name("large"));
        await heard.begun(1);
        expect(heard.deliveries.length).toBe(1);
      }),
  },
];

export const busCases: readonly BusCase[] = [...routes, ...contents, ...endCases, ...durableCases];
