import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { getUser } from "../load/service.ts";
import { Batch } from "./batch.ts";
import { frameType } from "./frame.ts";
import { Reader } from "./reader.ts";
import { parseRawVariant } from "./variant.ts";

/** What a connection writes, as a socket whose kernel takes everything. */
function recorder(): { socket: Socket; written: Buffer[] } {
  const written: Buffer[] = [];
  const socket = {
    writableLength: 0,
    write: (b: Buffer) => written.push(Buffer.from(b)),
    cork() {},
    uncork() {},
  };
  return { socket: socket as unknown as Socket, written };
}

const replies = [
  getUser({ id: "a", kind: "small" }),
  getUser({ id: "b", kind: "10k" }),
  getUser({ id: "c", kind: "1m" }),
  getUser({ id: "d", kind: "small" }),
];

describe("frames written by a batch are read back", () => {
  const variants = [
    "",
    "no-rec",
    "no-rec,early=4096",
    "no-zc",
    "json",
    "flush=none",
    "flush=none,cork",
    "flush=micro",
  ];
  const steps = [1, 7, 1000, 65_536, Number.POSITIVE_INFINITY];
  test.each(variants.flatMap((v) => steps.map((s) => [v, s] as const)))(
    "%s, %d bytes at a time",
    async (text, step) => {
      const variant = parseRawVariant(text);
      const { socket, written } = recorder();
      const batch = new Batch(socket, variant);
      // a push for each byte of a megabyte is slow and shows no more
      const users = step === 1 ? replies.filter((user) => user.text === "") : replies;
      users.forEach((user, id) => {
        batch.send(frameType.reply, id, user);
      });
      batch.control(frameType.credit, 9, 256);
      await new Promise((resolve) => setImmediate(resolve));

      const read: unknown[] = [];
      const reader = new Reader(variant, (type, id, value) => read.push([type, id, value]));
      const bytes = Buffer.concat(written);
      for (let at = 0; at < bytes.length; at += step) {
        const chunk = bytes.subarray(at, at + step);
        reader.push(chunk, chunk.length);
      }
      expect(read).toEqual([
        ...users.map((user, id) => [frameType.reply, id, user]),
        [frameType.credit, 9, 256],
      ]);
    },
  );
});

describe("parseRawVariant", () => {
  test("a switch that does not exist is named", () => {
    expect(() => parseRawVariant("no-rec,early=some")).toThrow(
      'raw-net does not know "early=some": use [no-]zc, ',
    );
  });
});
