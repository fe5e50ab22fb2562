import { expect } from "vitest";
import type { ConformanceCase } from "../case.ts";
import {
  expectFrame,
  Recorder,
  rejection,
  send,
  type TransportHarness,
  Waiter,
  withPair,
  withWorld,
} from "./pair.ts";

/** Long enough for a second closed(), were there one. */
const aWhile = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
};

const closing: readonly ConformanceCase<TransportHarness>[] = [
  {
    name: "close() sends what was committed; both ends are told once, without an error",
    run: (harness) =>
      withPair(harness, async ({ dialled, left, right }) => {
        for (let i = 1; i <= 20; i++) send(dialled, 1000, i);
        send(dialled, 8, 21, 300_000);
        dialled.close();
        dialled.close();
        expect(left.closures.length, "closed() from within close()").toBe(0);
        await Promise.all([left.ended(), right.ended()]);
        dialled.close();
        dialled.destroy();
        await aWhile();
        expect(right.frames.length).toBe(21);
        expectFrame(right.frames[20], 300_024, 21);
        expect([left.closures, right.closures]).toStrictEqual([[undefined], [undefined]]);
      }),
  },
  {
    name: "destroy(error): this end is told that error, once; the other end is told",
    run: (harness) =>
      withPair(harness, async ({ accepted, left, right }) => {
        const error = new Error("enough");
        accepted.destroy(error);
        accepted.destroy(new Error("again"));
        await Promise.all([left.ended(), right.ended()]);
        await aWhile();
        expect(right.closures).toStrictEqual([error]);
        expect(left.closures.length).toBe(1);
      }),
  },
  {
    name: "no frame is handed on once this end has closed, not even of the same chunk",
    run: (harness) =>
      withPair(harness, async ({ dialled, accepted, right }) => {
        right.onFrame = () => {
          if (right.frames.length === 2) accepted.destroy();
        };
        for (let i = 1; i <= 10; i++) send(dialled, 8, i);
        await right.ended();
        await aWhile();
        expect(right.frames.length).toBe(2);
      }),
  },
  {
    name: "writing to what has closed is harmless",
    run: (harness) =>
      withPair(harness, async ({ dialled, accepted, left, right }) => {
        accepted.destroy();
        await Promise.all([left.ended(), right.ended()]);
        for (const connection of [dialled, accepted]) {
          send(connection, 10_000, 1);
          send(connection, 8, 2, 5000);
          connection.flush();
          connection.close();
        }
        await aWhile();
        expect([left.closures.length, right.closures.length]).toStrictEqual([1, 1]);
      }),
  },
  {
    name: "a connection that closed before open() tells so when it is opened",
    run: (harness) =>
      withPair(
        harness,
        async ({ dialled, accepted, left }) => {
          accepted.destroy();
          await left.ended();
          const late = new Recorder();
          accepted.open(late);
          await late.ended();
          await aWhile();
          expect(late.closures.length).toBe(1);
          dialled.close();
        },
        "dialled",
      ),
  },
  {
    name: "a length that cannot be ends the connection with an error that says so",
    run: async (harness) => {
      for (const length of [3, 0x7fff_fff0])
        await withPair(harness, async ({ dialled, right }) => {
          send(dialled, 8, 1);
          const w = dialled.reserve(16);
          w.view.setUint32(w.position, length, true);
          w.position += 16;
          dialled.commit();
          await right.ended();
          expect(right.frames.length).toBe(1);
          expect(right.closures[0]?.message).toContain(String(length));
        });
    },
  },
];

const addresses: readonly ConformanceCase<TransportHarness>[] = [
  {
    name: "dialling where nobody listens rejects, naming the address",
    run: (harness) =>
      withWorld(harness, async ({ transport, nowhere }) => {
        const error = await rejection(transport.dial(nowhere, { timeoutMs: 2000 }));
        expect(error.message).toContain(nowhere);
      }),
  },
  {
    name: "dialling with a signal that was aborted rejects",
    run: (harness) =>
      withWorld(harness, async ({ transport, address }) => {
        const listener = await transport.listen(address, (connection) => connection.destroy());
        const signal = AbortSignal.abort(new Error("not wanted"));
        const error = await rejection(transport.dial(listener.address, { timeoutMs: 2000, signal }));
        expect(error.message).toContain("not wanted");
        await listener.close();
      }),
  },
  {
    name: "an address in use is refused by name; once closed it is free, and connections go on",
    run: (harness) =>
      withPair(harness, async ({ transport, listener, dialled, right }) => {
        const error = await rejection(transport.listen(listener.address, () => {}));
        expect(error.message).toContain(listener.address);
        expect(error.message).toContain("in use");
        await listener.close();
        await listener.close();
        await rejection(transport.dial(listener.address, { timeoutMs: 2000 }));
        const again = await transport.listen(listener.address, () => {});
        expect(again.address).toBe(listener.address);
        await again.close();
        send(dialled, 8, 1);
        await right.received(1);
      }),
  },
  {
    name: "a transport that dials twice gets two connections, which do not mix",
    run: (harness) =>
      withWorld(harness, async ({ transport, address }) => {
        const waiter = new Waiter();
        const ends: Recorder[] = [];
        const listener = await transport.listen(address, (connection) => {
          const end = new Recorder();
          ends.push(end);
          connection.open(end);
          waiter.changed();
        });
        const dialled = await Promise.all(
          [1, 2].map(async (mark) => {
            const connection = await transport.dial(listener.address, { timeoutMs: 8000 });
            connection.open(new Recorder());
            for (let i = 0; i < 50; i++) send(connection, 40, mark);
            return connection;
          }),
        );
        await waiter.until("two connections", () => ends.length === 2);
        await Promise.all(ends.map((end) => end.received(50)));
        const marks = ends.map((end) => [...new Set(end.frames.map((frame) => frame[4]))]);
        expect(marks.flat().sort()).toStrictEqual([1, 2]);
        for (const connection of dialled) connection.destroy();
        await listener.close();
      }),
  },
];

export const endCases: readonly ConformanceCase<TransportHarness>[] = [...closing, ...addresses];
