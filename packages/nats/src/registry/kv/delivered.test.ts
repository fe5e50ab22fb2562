import { expect, test } from "vitest";
import { readDelivered } from "./delivered.ts";

const bytes = new Uint8Array([1]);
const read = (reply: string | undefined, headers: Readonly<Record<string, string>> = {}) =>
  readDelivered({
    subject: "s",
    reply,
    bytes,
    nobody: false,
    headers: {
      code: 0,
      description: "",
      get: (name) => headers[name] ?? "",
      names: () => Object.keys(headers),
    },
  });
const PLAIN = "$JS.ACK.KV_b.c1.1.12.3.1700000000123456789.4";

test("a subject for answers tells where a message stands, with a domain in it as well", () => {
  const found = { subject: "s", sequence: 12, count: 3, pending: 4, bytes, gone: false, aged: false };
  for (const reply of [PLAIN, "$JS.ACK.hub.AcC.KV_b.c1.1.12.3.1700000000123456789.4.r4nd"]) {
    expect(read(reply)).toMatchObject(found);
    expect(read(reply)?.timeMs).toBeCloseTo(1_700_000_000_123, 0);
  }
});

test("marks of what is gone", () => {
  expect(read(PLAIN, { "KV-Operation": "DEL" })).toMatchObject({ gone: true, aged: false });
  expect(read(PLAIN, { "KV-Operation": "PURGE" })).toMatchObject({ gone: true });
  expect(read(PLAIN, { "Nats-Marker-Reason": "Purge" })).toMatchObject({ gone: true });
  expect(read(PLAIN, { "Nats-Marker-Reason": "MaxAge" })).toMatchObject({ gone: false, aged: true });
});

test.each([undefined, "", "evil", "$JS.ACK.a.b", PLAIN.replace("12", "x"), PLAIN.replace(".12.", ".-1.")])(
  "%s is none",
  (reply) => {
    expect(read(reply)).toBeUndefined();
  },
);
