import fc from "fast-check";
import { expect, test } from "vitest";
import { kvKeys } from "./kv-keys.ts";

const keys = kvKeys("services", "skein", undefined);
/** As NATS's own tools want them. */
const KEY = /^\$KV\.services\.[-/=.\w]+$/;

test("a key names its service and instance, as NATS's tools take it", () => {
  expect(keys.subject("user", "i1-a")).toBe("$KV.services.skein._.user.i1-a");
  expect(keys.subject("user.admin", "10.0.0.1:80")).toBe("$KV.services.skein._.user/admin.10/0/0/1=3A80");
  expect(keys.followed("user.admin")).toBe("$KV.services.skein._.user/admin.*");
  expect(kvKeys("b", "a.$b", "team-a.b").followed(undefined)).toBe("$KV.b.a.=24b.n-team-a/b.>");
});

test("whatever an instance or service is called, its key is one, its own, and read back", () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(name, name, (service, id) => {
      const subject = keys.subject(service, id);
      expect(subject).toMatch(KEY);
      expect(keys.read(subject)).toEqual({ service, id });
    }),
    { numRuns: 50, examples: [["a.b", "/=2F%41 \0\u{10FFFF}"]] },
  );
});

test("forged names reach no other subject, and those without end are refused", () => {
  expect(keys.subject("x 0\r\nPUB evil 0", ">")).toBe("$KV.services.skein._.x=200=0D=0APUB=20evil=200.=3E");
  expect(keys.followed("*.>")).toBe("$KV.services.skein._.=2A/=3E.*");
  expect(() => keys.followed("x".repeat(5000))).toThrow("is too long for a key");
  expect(() => kvKeys("a b", "skein", undefined)).toThrow('"a b" is no name of a bucket');
});

test.each([
  "$KV.services.skein._.user",
  "$KV.services.skein._.user.a.b",
  "$KV.services.skein.n-x.user.a",
  "$KV.services.skein._.user.a=2e",
  "$KV.services.skein._.user.a=41",
  "$KV.services.skein._.user.=FF",
  "$KV.services.skein._.user.odd=",
  "$KV.services.skein._.us%41er.a",
])("%s is none", (subject) => {
  expect(keys.read(subject)).toBeUndefined();
});
