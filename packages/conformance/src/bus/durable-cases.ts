import { expect } from "vitest";
import type { BusCase } from "./harness.ts";
import { Gate, onStage, quiet } from "./heard.ts";

const REDELIVERY_MS = 10_000;
const needs = "at-least-once";

/** What a bus that stores events must do besides. */
export const durableCases: readonly BusCase[] = [
  {
    name: "what a handler failed at is given again, its attempts counted",
    needs,
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        for (const queue of [name("mailer"), undefined]) {
          const heard = await listen(name("user.created"), {
            ...(queue !== undefined && { queue }),
            handle: async ({ attempt }) => {
              if (attempt < 3) throw new Error("on purpose");
            },
          });
          const { id } = await publish(name("user.created"));
          await heard.handled(3, 2 * (harness.redeliveryMs ?? REDELIVERY_MS));
          expect(heard.deliveries.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
          expect(new Set(heard.ids)).toEqual(new Set([id]));
          await quiet();
          expect(heard.deliveries.length, "given again after it was handled").toBe(3);
          await heard.close();
        }
      }),
  },
  {
    name: "what is published twice with one id is stored once",
    needs,
    run: (harness) =>
      onStage(harness, async ({ name, other, listen, publish }) => {
        const heard = await listen(name("paid"), { queue: name("books"), concurrency: 1 });
        const { id } = await publish(name("paid"));
        await publish(name("paid"), { id });
        await publish(name("paid"), { id, on: await other() });
        const last = await publish(name("paid"));
        await heard.begun(2);
        await quiet();
        expect(heard.ids).toEqual([id, last.id]);
      }),
  },
  {
    name: "a queue that was away gets what it missed, and nothing that it has handled",
    needs,
    run: (harness) =>
      onStage(harness, async ({ name, other, listen, publish }) => {
        const options = { queue: name("mailer"), concurrency: 1 };
        const before = await listen(name("user"), options);
        await publish(name("user"));
        await before.handled(1);
        await before.close();
        const missed = [await publish(name("user")), await publish(name("user"))];
        const after = await listen(name("user"), { ...options, on: await other() });
        const last = await publish(name("user"));
        await after.handled(3);
        await quiet();
        expect(after.ids).toEqual([...missed, last].map(({ id }) => id));
      }),
  },
  {
    name: "a new queue begins with what comes, with all that is stored, or at a time",
    needs,
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        const old = await publish(name("user"));
        await quiet();
        const time = Date.now();
        await quiet();
        const recent = await publish(name("user"));
        const heard = {
          new: await listen(name("user"), { queue: name("new"), concurrency: 1 }),
          all: await listen(name("user"), { queue: name("all"), concurrency: 1, from: "all" }),
          time: await listen(name("user"), { queue: name("time"), concurrency: 1, from: time }),
          everyone: await listen(name("user"), { concurrency: 1, from: "all" }),
        };
        const fresh = await publish(name("user"));
        const expected = {
          new: [fresh],
          all: [old, recent, fresh],
          time: [recent, fresh],
          everyone: [old, recent, fresh],
        };
        for (const [which, events] of Object.entries(expected)) {
          const one = heard[which as keyof typeof heard];
          await one.begun(events.length);
          expect(one.ids, which).toEqual(events.map(({ id }) => id));
        }
      }),
  },
  {
    name: "what a receiver had not begun when it was closed goes to others of its queue, at once",
    needs,
    run: (harness) =>
      onStage(harness, async ({ name, other, listen, publish }) => {
        const gate = new Gate();
        const queue = name("mailer");
        const leaving = await listen(name("user"), { queue, concurrency: 1, handle: () => gate.opened });
        const ids = [];
        for (let i = 0; i < 20; i++) ids.push((await publish(name("user"))).id);
        await leaving.begun(1);
        const closing = leaving.close();
        const staying = await listen(name("user"), { queue, on: await other() });
        await staying.handled(19, 6000);
        gate.open();
        await closing;
        await quiet();
        expect([...leaving.ids, ...staying.ids].sort()).toEqual(ids.sort());
      }),
  },
];
