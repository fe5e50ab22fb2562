import { describe, expect, test } from "vitest";
import { checkToken, createInbox, formatAddress, isSubject, parseAddress } from "./subjects.ts";

const FORGED = [
  "x 0\r\n\r\nPUB evil 2\r\nhi\r\nPUB y",
  "a b",
  "a\r\nb",
  "a\n",
  "\ta",
  "a.*",
  "a.>",
  ">",
  "*",
  "a..b",
  ".a",
  "a.",
  "",
  "a\u0000",
  "ä",
];

describe("subjects", () => {
  test.each(FORGED)("%j is refused: as an address, a token and a subject", (text) => {
    expect(isSubject(text)).toBe(false);
    expect(() => checkToken(text, "name")).toThrow(JSON.stringify(text));
    if (text === "") expect(parseAddress("nats://")).toBeUndefined();
    else expect(() => parseAddress(`nats://${text}`)).toThrow(JSON.stringify(`nats://${text}`));
  });

  test("what is allowed", () => {
    for (const text of ["a", "a.b-c_d.$SRV", "skein.at.0f-9"]) {
      expect(isSubject(text)).toBe(true);
      expect(parseAddress(formatAddress(text))).toBe(text);
    }
    expect(parseAddress("nats:")).toBeUndefined();
    expect(isSubject("a".repeat(128))).toBe(true);
    expect(isSubject("a".repeat(129))).toBe(false);
    expect(isSubject(Array(100).fill("abc").join("."))).toBe(false);
    expect(() => parseAddress("tcp://a")).toThrow("tcp://a");
  });

  test("an inbox knows its own connections, and those of others of its kind", () => {
    const inbox = createInbox("skein.v1", "me");
    expect(inbox.all).toBe("skein.v1.inbox.me.*");
    expect(inbox.idIn(inbox.of(12))).toBe(12);
    expect(inbox.messageIn(inbox.of(12))).toBeUndefined();
    expect(inbox.idIn(inbox.of(12, 4_294_967_295))).toBe(12);
    expect(inbox.messageIn(inbox.of(12, 4_294_967_295))).toBe(4_294_967_295);
    expect(createInbox("skein.v1", "0-f").idIn("skein.v1.inbox.0-f.7")).toBe(7);
    expect(inbox.messageIn("skein.v1.inbox.me.12-x")).toBeUndefined();
    expect(inbox.idIn("skein.v1.inbox.you.12")).toBe(-1);
    expect(inbox.idIn("skein.v1.inbox.me.x")).toBe(-1);
    expect(inbox.isAnothers(createInbox("skein.v1", "you").of(3))).toBe(true);
    expect(inbox.isAnothers(createInbox("skein.v1", "you").of(3, 0))).toBe(true);
    for (const bad of [
      undefined,
      "",
      "evil",
      "skein.v1.inbox.you.*",
      "skein.v1.inbox.you.1 2",
      "skein.v1.inbox.you.1-",
      "skein.v1.inbox.you.1-2-3",
      "skeinxv1.inbox.you.1",
    ])
      expect(inbox.isAnothers(bad), String(bad)).toBe(false);
    expect(() => createInbox("skein", "a b")).toThrow('"a b"');
  });
});
