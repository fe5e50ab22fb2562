import { CodecError, type CodecFactory, DEFAULT_DECODE_LIMITS } from "@skein/core";
import { seededRandom } from "@skein/core/testing";
import { describe, expect, test } from "vitest";
import { json } from "./json.ts";
import { msgpack } from "./msgpack.ts";

/** Printed with every failure, so that a run can be repeated with SKEIN_FUZZ_SEED. */
const SEED = Number(process.env.SKEIN_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));

const BUFFERS = 1_000_000;
/** As many as fit in this, at least a tenth: a busy machine makes fewer, never a slow run. */
const BUDGET_MS = 6000;
/** Of our own CPU time: a decoding that takes longer than this hangs, as a caller sees it; a busy machine takes no part in it. */
const HANG_MS = 250;

const message = {
  id: "u-000042",
  n: 12_345,
  ratio: 0.25,
  big: 5n,
  at: new Date(1),
  raw: new Uint8Array(9),
  floats: new Float32Array(3),
  list: [1, -2, 300, 70_000, "é", true, null, undefined, { a: { b: [{}] } }],
};

test(`a million random and damaged buffers (seed ${SEED})`, { timeout: 20_000 }, () => {
  const random = seededRandom(SEED);
  const codec = msgpack.create(DEFAULT_DECODE_LIMITS);
  const bytes = Buffer.alloc(4096);
  const w = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), position: 0 };
  expect(codec.encodeInto(message, w)).toBeUndefined();
  const valid = Buffer.from(bytes.subarray(0, w.position));
  const started = performance.now();
  let done = 0;
  let accepted = 0;
  let slowest = 0;
  let last = started;
  let lastCpu = process.cpuUsage();
  for (; done < BUFFERS; done++) {
    if ((done & 1023) === 0) {
      last = performance.now();
      lastCpu = process.cpuUsage();
      if (done >= BUFFERS / 10 && last - started > BUDGET_MS) break;
    }
    let n = Math.floor(random() * 64);
    if ((done & 1) === 0) for (let i = 0; i < n; i++) bytes[i] = random() * 256;
    else {
      n = valid.copy(bytes);
      for (let flips = 1 + random() * 4; flips > 0; flips--) bytes[Math.floor(random() * n)] = random() * 256;
      if (random() < 0.3) n = Math.floor(random() * n);
    }
    try {
      codec.decode(bytes, 0, n);
      accepted++;
    } catch (error) {
      if (!(error instanceof CodecError))
        throw new Error(`seed ${SEED}, ${bytes.toString("hex", 0, n)}`, { cause: error });
    }
    if ((done & 1023) !== 1023) continue;
    const { user, system } = process.cpuUsage(lastCpu);
    slowest = Math.max(slowest, (user + system) / 1000);
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(({} as { a?: unknown }).a).toBeUndefined();
  expect(done).toBeGreaterThanOrEqual(BUFFERS / 10);
  expect(accepted).toBeGreaterThan(0);
  expect(slowest, "1,024 of them").toBeLessThan(HANG_MS);
});

const MIB = 1024 * 1024;
const SIZE = 4 * MIB;
const filled = (head: string, unit: string): Buffer => {
  const front = Buffer.from(head, "hex");
  const bytes = Buffer.alloc(SIZE, Buffer.from(unit, "hex"));
  front.copy(bytes);
  return bytes;
};
const VALUES = "more than 500000 values";
const DEEP = "nested deeper than 64";

const BOMBS: readonly [string, () => Buffer, string][] = [
  ["empty arrays", () => filled("dd003ffffb", "90"), VALUES],
  ["empty objects", () => filled("dd003ffffb", "80"), VALUES],
  ["nils", () => filled("dd003ffffb", "c0"), VALUES],
  ["arrays of 15 small numbers", () => filled("dd00040000", `9f${"01".repeat(15)}`), VALUES],
  ["objects of one member", () => filled("dd00100000", "81a16101"), VALUES],
  ["empty strings in objects of 15", () => filled("dd00020000", `8f${"a161a0".repeat(15)}`), VALUES],
  ["nested arrays", () => filled("", "91"), DEEP],
  ["nested objects", () => filled("", "81a161"), DEEP],
  ["an object nested in its key", () => filled("", "81"), DEEP],
  ["a length that lies, again and again", () => filled("dd00000010", "dd7fffffff"), "cut short"],
  ["a long array of lengths that lie", () => filled("dd00070000", "c6ffffffff"), "cut short"],
  ["timestamps", () => filled("dd000aaaaa", "d6ff00000001"), VALUES],
];

describe("bombs of 4 MiB", () => {
  const codec = msgpack.create(DEFAULT_DECODE_LIMITS);
  test.each(BOMBS)("%s", (_name, make, message) => {
    const bytes = make();
    const before = process.memoryUsage().rss;
    const started = process.cpuUsage().user;
    expect(() => codec.decode(bytes, 0, bytes.length)).toThrow(message);
    // The most that 500,000 values can take; without limits it is 250 to 740 MB.
    expect((process.memoryUsage().rss - before) / MIB).toBeLessThan(96);
    expect((process.cpuUsage().user - started) / 1000).toBeLessThan(1000);
  });
});

describe("JSON bombs of 4 MiB", () => {
  const codec = json.create(DEFAULT_DECODE_LIMITS);
  const text = (unit: string, open = "[", close = "]"): Buffer =>
    Buffer.from(`${open}${unit.repeat((SIZE - 4) / unit.length)}1${close}`);
  test.each<[string, Buffer, string]>([
    ["numbers", text("1,"), VALUES],
    ["empty arrays", text("[],"), VALUES],
    ["empty objects", text("{},"), VALUES],
    ["nested arrays", Buffer.alloc(SIZE, "["), DEEP],
    ["nested objects", Buffer.alloc(SIZE, '{"a":'), DEEP],
    ["closed and opened", text("[[[]]],"), VALUES],
  ])("%s", (_name, bytes, message) => {
    const before = process.memoryUsage().rss;
    expect(() => codec.decode(bytes, 0, bytes.length)).toThrow(message);
    expect((process.memoryUsage().rss - before) / MIB).toBeLessThan(48);
  });
  test("brackets and commas in a string are text", () => {
    const bytes = Buffer.from(JSON.stringify([`${"[{,".repeat(1_000_000)}\\"`, 1]));
    expect((codec.decode(bytes, 0, bytes.length) as unknown[])[1]).toBe(1);
  });
});

test.each<[string, CodecFactory]>([
  ["msgpack", msgpack],
  ["json", json],
])("%s: the largest message that is allowed is decoded", (_name, factory) => {
  const codec = factory.create(DEFAULT_DECODE_LIMITS);
  const value = Array.from({ length: 499_990 }, (_, i) => i % 100);
  const bytes = Buffer.alloc(SIZE);
  const w = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length), position: 0 };
  const tail = codec.encodeInto(value, w);
  const whole = tail ?? bytes.subarray(0, w.position);
  expect((codec.decode(whole, 0, whole.length) as unknown[]).length).toBe(499_990);
});
