import { expect, test } from "vitest";
import { createClient } from "./client.ts";

test.each(["p2c", "round-robin", "random", "weighted", "consistent-hash", "pick-first"] as const)(
  "%s is a selector",
  async (selector) => {
    await using client = createClient({ selector, registry: "memory:", zone: "eu-1a", log: "silent" });
    expect(await client.list()).toEqual([]);
  },
);

test("another name is said, with those there are", () => {
  expect(() => createClient({ selector: "best" as "p2c", registry: "memory:", log: "silent" })).toThrow(
    "option selector=best is unknown: give p2c, round-robin, random, weighted, consistent-hash, pick-first, or a SelectorFactory",
  );
});
