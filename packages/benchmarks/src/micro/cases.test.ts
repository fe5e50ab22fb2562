import type { Candidate, Pick, SelectorFactory } from "@skein/core";
import { plainJsonCodec } from "@skein/core/testing";
import { expect, test } from "vitest";
import { bareJson, bareMsgpackr, codecCases, codecUnderTest, type MessageName, messages } from "./codecs.ts";
import { pickCase, readyCandidates } from "./picks.ts";

test("each pick is ended once, and keys are given to selectors that want them", () => {
  const seen = new Set<string | undefined>();
  let inFlight = 0;
  const factory: SelectorFactory = () => ({
    update: ([candidate]) => {
      const pick: Pick<Candidate> = {
        candidate: candidate as Candidate,
        done(startedAt, now) {
          expect(now).toBe(startedAt + 2);
          inFlight--;
        },
      };
      return {
        pick({ key }) {
          seen.add(key);
          inFlight++;
          return pick;
        },
      };
    },
  });
  pickCase({ name: "first", factory }, readyCandidates(3)).run(10);
  expect([...seen]).toEqual([undefined]);
  pickCase({ name: "first", factory, keyed: true }, readyCandidates(3)).run(10_000);
  expect(seen.size).toBe(1 + 4096);
  expect(inFlight).toBe(0);
});

test("a selector that finds nothing is an error, not a fast one", () => {
  const factory: SelectorFactory = () => ({ update: () => ({ pick: () => undefined }) });
  const run = () => pickCase({ name: "none", factory }, readyCandidates(2)).run(1);
  expect(run).toThrow("none picked nothing among 2 ready instances");
});

test("every codec gives back what it was given", () => {
  const codecs = [bareMsgpackr(), bareJson(), codecUnderTest("ours", plainJsonCodec)];
  for (const message of Object.keys(messages) as MessageName[]) {
    for (const { decode, encode, sample } of codecs) {
      const bytes = sample(messages[message]);
      expect(decode(bytes, bytes.length)).toEqual(messages[message]);
      expect(encode(messages[message])).toBe(bytes.length);
    }
    const cases = codecCases(codecs, message);
    expect(cases.map((c) => c.name.replace(/ \(.*/, ""))).toEqual(
      ["msgpackr", "JSON", "ours"].flatMap((name) => [`${name}: encode`, `${name}: decode`]),
    );
    expect(cases[1]?.run(2)).toEqual(messages[message]);
  }
});
