import { expect, test } from "vitest";
import { ProtocolError } from "./frame.ts";
import { FrameDecoder } from "./frame-decoder.ts";

/** Seeded (mulberry32): in the test's name, and taken from SKEIN_FUZZ_SEED to repeat a run. */
const SEED = Number(process.env.SKEIN_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const FRAMES = 1_000_000;
/** As many as fit in this, at least a tenth: a busy machine makes fewer, never a slow run. */
const BUDGET_MS = 3000;
const MAX_FRAME = 4096;
const LENGTHS = [0, 1, 15, 16, 17, MAX_FRAME, MAX_FRAME + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

/** Frames by the plainest reading of the format: lengths of what is whole, and whether a length cannot be. */
function read(stream: Buffer): { lengths: number[]; broken: boolean } {
  const lengths: number[] = [];
  let p = 0;
  while (stream.length - p >= 4) {
    const length = stream.readUInt32LE(p);
    if (length < 16 || length > MAX_FRAME) return { lengths, broken: true };
    if (stream.length - p < Math.ceil(length / 8) * 8) break;
    lengths.push(length);
    p += Math.ceil(length / 8) * 8;
  }
  return { lengths, broken: false };
}

test(`frames valid, damaged and random, in pieces of any size (seed ${SEED})`, { timeout: 20_000 }, () => {
  const random = randomFrom(SEED);
  const stream = Buffer.alloc(64 * 1024);
  const started = performance.now();
  let frames = 0;
  while (frames < FRAMES && (frames < FRAMES / 10 || performance.now() - started < BUDGET_MS)) {
    let end = 0;
    for (let i = 0; i < 40; i++) {
      const length = 16 + Math.floor(random() * 200);
      stream.writeUInt32LE(length, end);
      end += Math.ceil(length / 8) * 8;
    }
    frames += 40;
    for (let damage = Math.floor(random() * 4); damage > 0; damage--) {
      const at = Math.floor(random() * (end - 4));
      if (random() < 0.5) stream[at] = random() * 256;
      else stream.writeUInt32LE(LENGTHS[Math.floor(random() * LENGTHS.length)] as number, at & ~7);
    }
    const bytes = stream.subarray(0, end - Math.floor(random() * 20));
    const seen: number[] = [];
    let broken = false;
    const decoder = new FrameDecoder(MAX_FRAME, { frame: (_b, from, to) => void seen.push(to - from) });
    try {
      for (let p = 0; p < bytes.length; ) {
        const n = Math.min(bytes.length - p, 1 + Math.floor(random() ** 3 * 3000));
        decoder.push(bytes.subarray(p, p + n), n);
        p += n;
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      broken = true;
    }
    const expected = read(bytes);
    if (broken !== expected.broken || seen.join() !== expected.lengths.join())
      expect({ seen, broken }, `seed ${SEED}: ${bytes.toString("hex")}`).toEqual(expected);
  }
  expect(frames).toBeGreaterThanOrEqual(FRAMES / 10);
});

test("ten thousand peers that claim 4 GiB each allocate nothing", () => {
  const head = Buffer.alloc(16, 0xff);
  const before = process.memoryUsage();
  for (let i = 0; i < 10_000; i++) {
    const decoder = new FrameDecoder(4 * 1024 * 1024, { frame: () => {} });
    expect(() => decoder.push(head)).toThrow("a frame of 4294967295 bytes: at most 4194304");
  }
  const after = process.memoryUsage();
  expect((after.arrayBuffers - before.arrayBuffers) / 1024).toBeLessThan(64);
});
