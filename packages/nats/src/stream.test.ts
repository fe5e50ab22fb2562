import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Incoming } from "./incoming.ts";
import { decode, HEAD_BYTES, type Message } from "./message.ts";
import { Outgoing } from "./outgoing.ts";

const EPOCH = 77;
const WINDOW = 256;

const write = fc.record({ write: fc.integer({ min: 0, max: 300 }) });
const step = fc.oneof(write, fc.constant({ deliver: true }), fc.constant({ acknowledge: true }));
const steps = fc.array(step, { maxLength: 60 });
const parts = fc.integer({ min: 1, max: WINDOW / 2 });

function bytesFrom(start: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (start + i) & 0xff);
}

/** Both ends of one direction with a wire between them that delivers when told. */
class Line {
  readonly out: Outgoing;
  readonly into = new Incoming(WINDOW);
  readonly wire: Message[] = [];
  readonly got: number[] = [];
  written = 0;

  constructor(partBytes: number) {
    this.out = new Outgoing({ epoch: EPOCH, partBytes, windowBytes: WINDOW });
  }
  write(length: number): void {
    this.out.push(bytesFrom(this.written, length));
    this.written += length;
    this.pump();
  }
  pump(): void {
    for (let m = this.out.next(0); m !== undefined; m = this.out.next(0))
      this.wire.push(decode(m) as Message);
  }
  deliver(message: Message): string {
    const verdict = this.into.check(message);
    if (verdict !== "take") return verdict;
    this.got.push(...message.body);
    this.into.take(message.body.length);
    return verdict;
  }
  acknowledge(): void {
    expect(this.out.acknowledged(this.into.tell())).toBe(true);
    this.pump();
  }
}

describe("bytes through numbered messages", () => {
  test("arrive as they were written, in parts no larger than allowed, never more than a window on the way", () => {
    fc.assert(
      fc.property(steps, parts, (todo, partBytes) => {
        const line = new Line(partBytes);
        const receive = (): void => {
          const message = line.wire.shift();
          if (message === undefined) return;
          expect(message.body.length).toBeLessThanOrEqual(partBytes);
          expect(line.deliver(message)).toBe("take");
        };
        for (const s of todo) {
          if ("write" in s) line.write(s.write);
          else if ("deliver" in s) receive();
          else line.acknowledge();
          expect(line.out.inFlight).toBeLessThanOrEqual(WINDOW);
        }
        // Nothing stands still for ever: what is due is acknowledged, and that lets the rest go on.
        do {
          if (line.into.due) line.acknowledge();
          receive();
        } while (line.wire.length > 0 || line.into.due);
        expect(line.out.queued).toBe(0);
        expect(line.got).toStrictEqual([...bytesFrom(0, line.written)]);
      }),
    );
  });

  test("one lost, doubled or swapped: a gap, and not a byte behind it is taken", () => {
    const wrong = fc.constantFrom("lost", "doubled", "swapped");
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 200 }), wrong, fc.nat(), (length, kind, where) => {
        const line = new Line(1);
        line.write(length);
        const at = where % (line.wire.length - 1);
        const [one, two] = line.wire.slice(at, at + 2) as [Message, Message];
        const instead = { lost: [two], doubled: [one, one, two], swapped: [two, one] }[kind] as Message[];
        line.wire.splice(at, 2, ...instead);
        const verdicts = line.wire.map((message) => line.deliver(message));
        const first = verdicts.indexOf("gap");
        expect(first).toBe(kind === "doubled" ? at + 1 : at);
        expect(line.got.slice(0, first)).toStrictEqual([...bytesFrom(0, first)]);
      }),
    );
  });

  test("numbers wrap at 2^32 where bytes are counted", () => {
    const out = new Outgoing({ epoch: EPOCH, partBytes: 64, windowBytes: WINDOW });
    const into = new Incoming(WINDOW);
    let total = 0;
    // 2^32 bytes would take long: as many acknowledgements as show that a total smaller than the last one is refused.
    for (let i = 0; i < 10; i++) {
      out.push(new Uint8Array(64));
      into.check(decode(out.next(0) as Uint8Array) as Message);
      into.take(64);
      total = into.tell();
      expect(out.acknowledged(total)).toBe(true);
    }
    expect(out.acknowledged(total - 64)).toBe(false);
    expect(out.acknowledged(total + 1)).toBe(false);
    expect(out.acknowledged(total)).toBe(true);
  });

  test("a peer that sends more than its window is found out", () => {
    const greedy = new Outgoing({ epoch: EPOCH, partBytes: 200, windowBytes: 2 * WINDOW });
    const into = new Incoming(WINDOW);
    greedy.push(new Uint8Array(400));
    expect(into.check(decode(greedy.next(0) as Uint8Array) as Message)).toBe("take");
    expect(into.check(decode(greedy.next(0) as Uint8Array) as Message)).toBe("overrun");
  });

  test("the end is numbered as well: without what was before it, it is a gap", () => {
    const line = new Line(64);
    line.write(64);
    const end = decode(line.out.end(0)) as Message;
    expect(line.deliver(end)).toBe("gap");
    const other = new Line(64);
    other.write(64);
    other.deliver(other.wire[0] as Message);
    expect(other.deliver(decode(other.out.end(0)) as Message)).toBe("end");
  });

  test("bytes that were cleared leave no more", () => {
    const out = new Outgoing({ epoch: EPOCH, partBytes: 64, windowBytes: WINDOW });
    out.push(new Uint8Array(100));
    out.clear();
    expect([out.queued, out.next(0)]).toStrictEqual([0, undefined]);
    out.push(bytesFrom(0, 3));
    expect((out.next(0) as Uint8Array).length).toBe(HEAD_BYTES + 3);
  });
});
