import type { Connection, ConnectionHandler, Listener, Transport } from "@skein/core";
import { expect } from "vitest";

/** A transport to be tried out, with nothing else in its world. */
export interface TransportWorld {
  readonly transport: Transport;
  /** Free to listen on; the suite may listen there again once it has closed. */
  readonly address: string;
  /** An address at which nobody listens. */
  readonly nowhere: string;
  /** Ends what create() made. */
  readonly close: () => void | Promise<void>;
}

export interface TransportHarness {
  /** Called for each case. */
  readonly create: () => TransportWorld | Promise<TransportWorld>;
}

const WAIT_MS = 8000;

/** Resolves once `holds` does, looked at whenever something happens; rejects after 8 s, saying what was awaited. */
export class Waiter {
  #waiting: (() => void)[] = [];

  until(what: string, holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`not within ${WAIT_MS} ms: ${what}`)), WAIT_MS);
      this.#waiting.push(() => {
        if (!holds()) return;
        clearTimeout(timer);
        resolve();
      });
    });
  }

  changed(): void {
    for (const look of this.#waiting) look();
  }
}

/** Keeps what a connection hands on. */
export class Recorder implements ConnectionHandler {
  readonly frames: Uint8Array[] = [];
  readonly closures: (Error | undefined)[] = [];
  chunkEnds = 0;
  /** Frames after the last chunkEnd(). */
  #open = 0;
  readonly #waiter = new Waiter();
  onFrame: (() => void) | undefined;

  frame(bytes: Uint8Array, start: number, end: number): void {
    expect(this.closures.length, "a frame after closed()").toBe(0);
    // A copy: `slice` of a Buffer would be a view.
    this.frames.push(new Uint8Array(bytes.subarray(start, end)));
    this.#open++;
    this.onFrame?.();
    this.#waiter.changed();
  }
  chunkEnd(): void {
    this.chunkEnds++;
    this.#open = 0;
    this.#waiter.changed();
  }
  closed(error?: Error): void {
    this.closures.push(error);
    this.#waiter.changed();
  }
  /** So many frames, and the chunkEnd() behind them. */
  received(n: number): Promise<void> {
    return this.#waiter.until(`${n} frames`, () => this.frames.length >= n && this.#open === 0);
  }
  ended(): Promise<void> {
    return this.#waiter.until("closed()", () => this.closures.length > 0);
  }
}

/** A frame of `body` bytes behind the header, told apart by `mark`. */
export function send(connection: Connection, body: number, mark: number, tail = 0): boolean {
  const w = connection.reserve(16 + body);
  expect(w.position % 8, "where a frame begins").toBe(0);
  expect(w.bytes.length - w.position, "room").toBeGreaterThanOrEqual(16 + body);
  const at = w.position;
  w.view.setUint32(at, 16 + body + tail, true);
  w.view.setUint32(at + 4, mark, true);
  w.bytes.fill(mark, at + 8, at + 16 + body);
  w.position = at + 16 + body;
  return tail === 0 ? connection.commit() : connection.commitWith(new Uint8Array(tail).fill(mark));
}

/** That a frame is the one send() made. */
export function expectFrame(bytes: Uint8Array | undefined, length: number, mark: number): void {
  if (bytes === undefined) throw new Error(`frame ${mark} is missing`);
  expect(bytes.length, `length of frame ${mark}`).toBe(length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expect([view.getUint32(0, true), view.getUint32(4, true)]).toStrictEqual([length, mark]);
  expect(
    bytes.subarray(8).every((byte) => byte === (mark & 0xff)),
    `body of frame ${mark}`,
  ).toBe(true);
}

export interface Pair {
  readonly transport: Transport;
  readonly listener: Listener;
  readonly dialled: Connection;
  readonly accepted: Connection;
  readonly left: Recorder;
  readonly right: Recorder;
}

/** Listens, and dials itself; ends everything afterwards. With `open: "dialled"` the accepting end waits to be opened. */
export async function withPair(
  harness: TransportHarness,
  run: (pair: Pair) => void | Promise<void>,
  open: "both" | "dialled" = "both",
): Promise<void> {
  await withWorld(harness, async ({ transport, address }) => {
    const waiter = new Waiter();
    const right = new Recorder();
    const all: Connection[] = [];
    const listener = await transport.listen(address, (connection) => {
      all.push(connection);
      if (open === "both") connection.open(right);
      waiter.changed();
    });
    try {
      const dialled = await transport.dial(listener.address, { timeoutMs: WAIT_MS });
      all.push(dialled);
      const left = new Recorder();
      dialled.open(left);
      await waiter.until("the other end", () => all.length === 2);
      const accepted = all.find((connection) => connection !== dialled) as Connection;
      await run({ transport, listener, dialled, accepted, left, right });
    } finally {
      for (const connection of all) connection.destroy();
      await listener.close();
    }
  });
}

export async function withWorld(
  harness: TransportHarness,
  run: (world: TransportWorld) => Promise<void>,
): Promise<void> {
  const world = await harness.create();
  try {
    await run(world);
  } finally {
    await world.close();
  }
}

/** The error that a promise ends with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    return error as Error;
  }
  throw new Error("not rejected");
}
