import { expect, test } from "vitest";
import type { CodecFactory } from "../codec.ts";
import { joinPair } from "../session/test/session-pair.ts";
import { plainJsonCodec } from "../testing/json-codec.ts";

/** A codec that counts what it was given to do. */
function counted() {
  const seen = { encoded: 0, decoded: 0 };
  const codec: CodecFactory = {
    contentType: plainJsonCodec.contentType,
    create(limits) {
      const { contentType, encodeInto, decode } = plainJsonCodec.create(limits);
      return {
        contentType,
        encodeInto(value, writer) {
          seen.encoded++;
          return encodeInto(value, writer);
        },
        decode(bytes, start, end) {
          seen.decoded++;
          return decode(bytes, start, end);
        },
      };
    },
  };
  return { codec, seen };
}

test("a refusal for overload costs neither decoding nor words, and its caller is told in words", async () => {
  const { codec, seen } = counted();
  const pair = await joinPair({
    handlers: { get: (input) => input },
    server: { codecs: [codec], queue: { maxQueue: 1 } },
  });
  const calls = [1, 2, 3].map((n) => pair.call("get", n));
  await Promise.all(calls.map((call) => call.ended));
  expect(calls.map((call) => call.value)).toEqual([1, undefined, undefined]);
  for (const { error } of calls.slice(1))
    expect(error).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      executed: "no",
      message: "the server is overloaded",
      retryAfterMs: expect.any(Number),
    });
  expect(seen).toEqual({ encoded: 1, decoded: 1 });
});
