import type { Runtime, Timer } from "../runtime.ts";
import { ProtocolError } from "./frame.ts";
import type { FrameDecoder } from "./frame-decoder.ts";

/** A frame that has begun must be whole by then, ms. */
const FRAME_MS = 10_000;
/** How often a frame that is not whole is looked at, ms. */
const FRAME_CHECK_MS = 5_000;
/** And it must make this much headway meanwhile, bytes a second since it began. */
const FRAME_BYTES_PER_SECOND = 1024;
/** A timer that fires so much later than asked for shows that our own loop was blocked, ms: the peer is not blamed. */
const LATE_MS = 1000;

/** Ends a connection whose peer begins a frame and then drips. One timer, looked at every 5 s and only while a frame is not whole. */
export class FrameWatch {
  readonly #runtime: Runtime;
  readonly #decoder: FrameDecoder;
  readonly #fail: (error: Error) => void;
  #timer: Timer | undefined;
  /** Which frame is watched, and since when. */
  #begun = 0;
  #since = 0;
  #due = 0;
  readonly #fired = (): void => this.#runtime.yieldToIo(this.#look);
  readonly #look = (): void => this.#check();

  constructor(runtime: Runtime, decoder: FrameDecoder, fail: (error: Error) => void) {
    this.#runtime = runtime;
    this.#decoder = decoder;
    this.#fail = fail;
  }

  /** Called after each chunk that left a frame unfinished. */
  start(): void {
    if (this.#timer === undefined) this.#watch(this.#runtime.clock.fresh());
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#begun = -1;
  }

  #watch(now: number): void {
    this.#begun = this.#decoder.begun;
    this.#since = now;
    this.#arm(now);
  }

  #arm(now: number): void {
    this.#due = now + FRAME_CHECK_MS;
    this.#timer = this.#runtime.clock.setTimer(FRAME_CHECK_MS, this.#fired);
  }

  #check(): void {
    if (this.#begun < 0) return;
    this.#timer = undefined;
    const { partial, begun } = this.#decoder;
    if (partial === 0) return;
    const now = this.#runtime.clock.fresh();
    if (begun !== this.#begun || now > this.#due + LATE_MS) return this.#watch(now);
    const ms = now - this.#since;
    if (ms >= FRAME_MS) this.#fail(new ProtocolError(`a frame was not whole within ${FRAME_MS} ms`));
    else if (partial < (ms / 1000) * FRAME_BYTES_PER_SECOND)
      this.#fail(new ProtocolError(`a frame made less than ${FRAME_BYTES_PER_SECOND} bytes a second`));
    else this.#arm(now);
  }
}
