import { RpcError } from "@skein/core";
import { expect } from "vitest";
import type { BusCase } from "./harness.ts";
import { Gate, onStage, quiet, refusal, within } from "./heard.ts";

/** What fails, and what ends. */
export const endCases: readonly BusCase[] = [
  {
    name: "a handler that fails stops neither others nor what follows",
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        const failing = await listen(name("user.*"), {
          concurrency: 2,
          handle: async ({ event, attempt }) => {
            if (event.name.endsWith("bad") && attempt === 1) throw new Error("on purpose");
          },
        });
        const other = await listen(name("user.*"));
        const events = [];
        for (const text of ["user.bad", "user.good", "user.bad", "user.good"])
          events.push((await publish(name(text))).id);
        await Promise.all([failing.handled(4), other.handled(4)]);
        expect([...new Set(failing.ids)].sort()).toEqual(events.sort());
        expect(other.ids.sort()).toEqual(events.sort());
      }),
  },
  {
    name: "close() of a receiver waits for handlers that run, and takes no more; others go on",
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        const gate = new Gate();
        const leaving = await listen(name("user"), { handle: () => gate.opened });
        const staying = await listen(name("user"));
        await publish(name("user"));
        await Promise.all([leaving.begun(1), staying.begun(1)]);
        let closed = 0;
        const closing = Promise.all([leaving.close(), leaving.close()]).then(() => {
          closed = leaving.ended + 100;
        });
        await publish(name("user"));
        await staying.begun(2);
        await quiet();
        expect(closed, "closed while a handler ran").toBe(0);
        gate.open();
        await closing;
        expect(closed).toBe(101);
        await leaving.close();
        expect(leaving.deliveries.length).toBe(1);
      }),
  },
  {
    name: "close() of a receiver handles what it has received: nobody else has it",
    needs: "at-most-once",
    run: (harness) =>
      onStage(harness, async ({ name, listen, publish }) => {
        const gate = new Gate();
        const leaving = await listen(name("user"), {
          queue: name("mailer"),
          concurrency: 1,
          handle: () => gate.opened,
        });
        // Of the same client: once it has them, the other has.
        const beside = await listen(name("user"));
        for (let i = 0; i < 5; i++) await publish(name("user"));
        await Promise.all([leaving.begun(1), beside.begun(5)]);
        const closing = leaving.close();
        gate.open();
        await closing;
        expect(leaving.ended).toBe(5);
      }),
  },
  {
    name: "close() of a bus waits for no handler; other clients go on; nothing is published into the void",
    run: (harness) =>
      onStage(harness, async ({ bus, name, other, listen, publish }) => {
        const second = await other();
        const gate = new Gate();
        const leaving = await listen(name("user"), { handle: () => gate.opened });
        const staying = await listen(name("user"), { on: second });
        await publish(name("user"));
        await Promise.all([leaving.begun(1), staying.begun(1)]);
        await within(Promise.all([bus.close(), bus.close()]), () => "close() of a bus");
        await publish(name("user"), { on: second });
        await staying.begun(2);
        expect(leaving.deliveries.length).toBe(1);
        const error = await refusal(publish(name("user")));
        expect(RpcError.is(error), String(error)).toBe(true);
        expect(error.executed).toBe("no");
        await refusal(listen(name("user")));
        gate.open();
        await leaving.close();
      }),
  },
];
