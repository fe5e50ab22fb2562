import fc from "fast-check";
import { expect, test } from "vitest";
import { decode, encode, HEAD_BYTES, reasonOf } from "./message.ts";

test("the bytes on the wire", () => {
  const bytes = encode("reset", { epoch: 0x01020304, sequence: 5, acknowledged: 0xfffffffe, reason: "no" });
  expect(Buffer.from(bytes).toString("hex")).toBe("534b0104" + "01020304" + "00000005" + "fffffffe" + "6e6f");
});

test("what is encoded is decoded", () => {
  const u32 = fc.integer({ min: 0, max: 0xffffffff });
  const kind = fc.constantFrom("open", "accept", "data", "end", "reset", "ack", "probe", "present");
  fc.assert(
    fc.property(kind, u32, u32, u32, (kind, epoch, sequence, acknowledged) => {
      const message = decode(encode(kind, { epoch, sequence, acknowledged }));
      expect(message).toMatchObject({ kind, epoch, sequence, acknowledged });
      expect(message?.body.length).toBe(0);
    }),
  );
});

test("a body is a Buffer over the same memory, whatever the message came as", () => {
  const from = new Uint8Array(64).subarray(8);
  from.set(encode("data", { epoch: 1, reason: "héllo" }));
  const body = decode(from.subarray(0, HEAD_BYTES + 6))?.body;
  expect(body).toBeInstanceOf(Buffer);
  expect(String(body)).toBe("héllo");
  expect(body?.buffer).toBe(from.buffer);
});

test("what is no message of ours is none", () => {
  const good = encode("ack", { epoch: 1 });
  expect(decode(good)).toBeDefined();
  expect(decode(good.subarray(0, HEAD_BYTES - 1))).toBeUndefined();
  for (const at of [0, 1, 2, 3]) {
    const bad = new Uint8Array(good);
    bad[at] = 0xee;
    expect(decode(bad), `byte ${at}`).toBeUndefined();
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void decode(bytes)));
});

test("a reason is short and has no control characters", () => {
  const message = decode(encode("reset", { epoch: 1, reason: `a\r\nb\u001b[31m${"x".repeat(500)}` }));
  const reason = reasonOf(message as NonNullable<typeof message>);
  expect(reason).toMatch(/^a\?\?b\?\[31mx+$/);
  expect(reason.length).toBeLessThanOrEqual(200);
});
