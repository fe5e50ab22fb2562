import { describe, expect, test } from "vitest";
import { MessageScanner } from "./message-scanner.ts";
import { randomObject, seeded } from "./test/random-json.ts";

const LIMITS = { maxBytes: 1000, maxDepth: 8 };

function scan(bytes: Buffer, cuts: readonly number[], limits = LIMITS): string[] {
  const found: string[] = [];
  const scanner = new MessageScanner(limits, (text) => found.push(text));
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    scanner.push(bytes.subarray(from, cut));
    from = cut;
  }
  scanner.push(bytes.subarray(from));
  expect(scanner.within).toBe(false);
  return found;
}

describe("messages out of bytes", () => {
  const messages = [
    '{"method":"User.GetUser","params":[{"id":"42"}],"id":0}',
    '{"text":"braces } ] { [ and \\" quotes \\\\","deep":[[{"a":{}}]]}',
    "{}",
    '{"é":"\u2028 grüße 𝄞"}',
    '{"ends":"with a backslash \\\\"}',
  ];

  test.each(["", "\n", " \r\n\t"])("split at each byte, separated by %j", (separator) => {
    const bytes = Buffer.from(separator + messages.join(separator) + separator);
    expect(scan(bytes, [])).toEqual(messages);
    for (let cut = 1; cut < bytes.length; cut++) expect(scan(bytes, [cut])).toEqual(messages);
    expect(scan(bytes, [...bytes.keys()])).toEqual(messages);
  });

  test("whatever objects, however split", () => {
    for (let seed = 0; seed < 300; seed++) {
      const random = seeded(seed);
      // A lone half of a surrogate pair is written as an escape: every text survives UTF-8.
      const texts = Array.from({ length: 4 }, () => JSON.stringify(randomObject(random)));
      const bytes = Buffer.from(texts.join(""));
      const cuts = Array.from({ length: 9 }, () => Math.floor(random() * bytes.length));
      expect(scan(bytes, cuts, { maxBytes: 1e6, maxDepth: 9 }), `seed ${seed}`).toEqual(texts);
    }
  });

  test.each([
    ["GET / HTTP/1.1", "a message does not begin with {"],
    ["[]", "a message does not begin with {"],
    ["{}}", "a message does not begin with {"],
    [`{"a":"${"x".repeat(1000)}`, "a message is longer than 1000 bytes"],
    ['{"a":'.repeat(9), "a message is nested deeper than 8"],
    [`{"a":${"[".repeat(8)}`, "a message is nested deeper than 8"],
  ])("%j is refused", (text, message) => {
    const scanner = new MessageScanner(LIMITS, () => {});
    expect(() => scanner.push(Buffer.from(text))).toThrow(message);
    const dripped = new MessageScanner(LIMITS, () => {});
    expect(() => {
      for (const byte of Buffer.from(text)) dripped.push(Buffer.of(byte));
    }).toThrow(message);
  });

  test("a message as long and as deep as allowed is taken", () => {
    const long = `{"a":"${"x".repeat(1000 - 8)}"}`;
    expect(scan(Buffer.from(long + long), [])).toEqual([long, long]);
    const deep = `{"a":${"[".repeat(7)}${"]".repeat(7)}}`;
    expect(scan(Buffer.from(deep), [])).toEqual([deep]);
  });
});
