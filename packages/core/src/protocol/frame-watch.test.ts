import { expect, test } from "vitest";
import { FakeClock } from "../testing/fake-clock.ts";
import { FrameDecoder } from "./frame-decoder.ts";
import { FrameWatch } from "./frame-watch.ts";

function frame(body: number): Uint8Array {
  const bytes = new Uint8Array((16 + body + 7) & ~7);
  new DataView(bytes.buffer).setUint32(0, 16 + body, true);
  return bytes;
}

function watched(): { clock: FakeClock; decoder: FrameDecoder; watch: FrameWatch; errors: string[] } {
  const clock = new FakeClock();
  const decoder = new FrameDecoder(1 << 20, { frame: () => {} });
  const errors: string[] = [];
  const runtime = {
    clock,
    random: () => 0,
    uniqueId: () => "",
    defer: (fn: () => void) => fn(),
    yieldToIo: (fn: () => void) => fn(),
  };
  return {
    clock,
    decoder,
    watch: new FrameWatch(runtime, decoder, (error) => errors.push(error.message)),
    errors,
  };
}
const whole = frame(40_000);

test("a large frame that comes fast enough is left alone; one timer for any number of frames", () => {
  const { clock, decoder, watch, errors } = watched();
  for (let round = 0; round < 20; round++) {
    decoder.push(whole.subarray(0, 30_000));
    watch.start();
    watch.start();
    clock.advance(3000);
    decoder.push(whole.subarray(30_000));
    clock.advance(100);
  }
  expect(errors).toEqual([]);
  clock.advance(10_000);
  expect(clock.timers).toBe(0);
});

test("a frame that began after the last look is not blamed for the one before it", () => {
  const { clock, decoder, watch, errors } = watched();
  decoder.push(whole.subarray(0, 6000));
  watch.start();
  clock.advance(4900);
  decoder.push(whole.subarray(6000));
  decoder.push(whole.subarray(0, 10));
  watch.start();
  clock.advance(4900);
  expect(errors).toEqual([]);
  clock.advance(5000);
  expect(errors).toEqual(["a frame made less than 1024 bytes a second"]);
});

test("when our own loop was blocked the peer is given its time anew", () => {
  const { clock, decoder, watch, errors } = watched();
  decoder.push(whole.subarray(0, 10));
  watch.start();
  // The timer is due at 5 s, and the loop comes to it at 12 s.
  const late = clock.fresh.bind(clock);
  clock.fresh = () => late() + 7000;
  clock.advance(5000);
  expect(errors).toEqual([]);
  clock.fresh = late;
  clock.advance(12_000);
  expect(errors).toEqual(["a frame made less than 1024 bytes a second"]);
});

test("stopped, it fires no more", () => {
  const { clock, decoder, watch, errors } = watched();
  decoder.push(whole.subarray(0, 10));
  watch.start();
  watch.stop();
  expect(clock.timers).toBe(0);
  clock.advance(20_000);
  expect(errors).toEqual([]);
});
