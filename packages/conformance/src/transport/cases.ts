import { expect } from "vitest";
import type { ConformanceCase } from "../case.ts";
import { endCases } from "./ends.ts";
import { expectFrame, Recorder, send, type TransportHarness, withPair } from "./pair.ts";

const SIZES = [0, 1, 7, 8, 9, 100, 4079, 4080, 4096, 20_000];

const flow: readonly ConformanceCase<TransportHarness>[] = [
  {
    name: "frames arrive whole and in order, both ways",
    run: (harness) =>
      withPair(harness, async ({ dialled, accepted, left, right }) => {
        SIZES.forEach((size, i) => void send(dialled, size, i + 1));
        SIZES.forEach((size, i) => void send(accepted, size, i + 101));
        await Promise.all([right.received(SIZES.length), left.received(SIZES.length)]);
        SIZES.forEach((size, i) => {
          expectFrame(right.frames[i], 16 + size, i + 1);
          expectFrame(left.frames[i], 16 + size, i + 101);
        });
        expect(right.chunkEnds).toBeGreaterThan(0);
      }),
  },
  {
    name: "frames with a tail of their own, among others",
    run: (harness) =>
      withPair(harness, async ({ dialled, right }) => {
        const tails = [1, 8, 5000, 0, 70_000, 3, 1 << 20, 0];
        tails.forEach((tail, i) => void send(dialled, i, i + 1, tail));
        await right.received(tails.length);
        tails.forEach((tail, i) => void expectFrame(right.frames[i], 16 + i + tail, i + 1));
      }),
  },
  {
    name: "many frames over many ticks: none lost, none changed after it was committed",
    run: (harness) =>
      withPair(harness, async ({ dialled, right }) => {
        for (let i = 1; i <= 3000; i++) {
          send(dialled, i % 900, i);
          if (i % 50 === 0) await right.received(i - 40);
        }
        await right.received(3000);
        for (let i = 1; i <= 3000; i++) expectFrame(right.frames[i - 1], 16 + (i % 900), i);
      }),
  },
  {
    name: "a frame that was begun and not committed is dropped",
    run: (harness) =>
      withPair(harness, async ({ dialled, right }) => {
        const w = dialled.reserve(200);
        w.bytes.fill(0xff, w.position, w.position + 100);
        w.position += 100;
        send(dialled, 8, 7);
        await right.received(1);
        expect(right.frames.length).toBe(1);
        expectFrame(right.frames[0], 24, 7);
      }),
  },
  {
    name: "nothing arrives within commit() or flush()",
    run: (harness) =>
      withPair(harness, async ({ dialled, right }) => {
        send(dialled, 8000, 1);
        send(dialled, 8, 2);
        dialled.flush();
        expect(right.frames.length).toBe(0);
        await right.received(2);
      }),
  },
  {
    name: "frames that come before open() are kept",
    run: (harness) =>
      withPair(
        harness,
        async ({ dialled, accepted, left }) => {
          send(dialled, 300, 1);
          send(dialled, 5, 2, 100_000);
          send(accepted, 8, 3);
          await left.received(1);
          const late = new Recorder();
          accepted.open(late);
          await late.received(2);
          expectFrame(late.frames[0], 316, 1);
          expectFrame(late.frames[1], 100_021, 2);
        },
        "dialled",
      ),
  },
  {
    name: "a peer that does not read: commit() says so, bufferedBytes shows it, whenWritable() tells when it reads again",
    run: (harness) =>
      withPair(
        harness,
        async ({ dialled, accepted }) => {
          let sent = 0;
          while (send(dialled, 16, sent + 1, 256 * 1024) && sent < 400) {
            sent++;
            await new Promise((resolve) => setImmediate(resolve));
          }
          sent++;
          expect(sent, "frames of 256 KB before commit() is false").toBeLessThan(400);
          expect(dialled.bufferedBytes).toBeGreaterThan(64 * 1024);
          let told = 0;
          const writable = new Promise<void>((resolve) =>
            dialled.whenWritable(() => {
              told++;
              resolve();
            }),
          );
          const late = new Recorder();
          await new Promise((resolve) => setImmediate(resolve));
          expect(told, "told before anything was read").toBe(0);
          accepted.open(late);
          await writable;
          await late.received(sent);
          for (let i = 0; i < sent; i++) expectFrame(late.frames[i], 32 + 256 * 1024, i + 1);
          expect(told).toBe(1);
          expect(send(dialled, 16, 1), "commit() afterwards").toBe(true);
        },
        "dialled",
      ),
  },
  {
    name: "whenWritable() with nothing waiting: soon, and not at once",
    run: (harness) =>
      withPair(harness, async ({ dialled }) => {
        let within = true;
        await new Promise<void>((resolve) => {
          dialled.whenWritable(() => {
            expect(within).toBe(false);
            resolve();
          });
          within = false;
        });
      }),
  },
];

/** What every transport must do. */
export const transportCases: readonly ConformanceCase<TransportHarness>[] = [...flow, ...endCases];
