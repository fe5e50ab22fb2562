import { expect, test } from "vitest";
import { Revisions } from "./revisions.ts";

function world() {
  const revisions = new Revisions();
  const resets: (readonly [number, number])[] = [];
  revisions.onReset = (revision, before) => resets.push([revision, before]);
  return { revisions, resets };
}

test("answers that overtake each other are no reset", () => {
  const { revisions, resets } = world();
  const first = revisions.ask();
  const second = revisions.ask();
  revisions.answered(12, second);
  revisions.answered(10, first);
  const third = revisions.ask();
  revisions.answered(14, revisions.ask());
  revisions.answered(12, third);
  expect(resets).toEqual([]);
});

test("an answer that knows less than what was seen before it was asked for is one, once", () => {
  const { revisions, resets } = world();
  revisions.answered(10, revisions.ask());
  const late = revisions.ask();
  revisions.answered(3, revisions.ask());
  expect(resets).toEqual([[3, 10]]);
  // Of the store that is gone, or of the new one: whoever asked does not know.
  revisions.answered(11, late);
  revisions.answered(2, late);
  revisions.answered(4, revisions.ask());
  expect(resets).toEqual([[3, 10]]);
  revisions.answered(1, revisions.ask());
  expect(resets).toEqual([
    [3, 10],
    [1, 4],
  ]);
});

test("an answer without a revision says nothing", () => {
  const { revisions, resets } = world();
  revisions.answered(10, revisions.ask());
  revisions.answered(0, revisions.ask());
  expect(resets).toEqual([]);
});
