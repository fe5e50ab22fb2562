import { DEFAULT_POLICY, type SelectorOptions } from "@skein/core";
import { pickFirst } from "@skein/selector";
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

test("selectors are told the policy, by service", async () => {
  const told: SelectorOptions["policy"][] = [];
  await using client = createClient({
    registry: "memory:",
    log: "silent",
    selector: (given) => {
      told.push(given.policy);
      return pickFirst(given);
    },
    policy: { slowStart: false, services: { user: { ejection: { consecutive: 2 } } } },
  });
  client.service("user");
  expect(told).toEqual([{ ejection: { ...DEFAULT_POLICY.ejection, consecutive: 2 }, slowStart: undefined }]);
});

test("a policy that is wrong is refused, by the path of its field", () => {
  const policy = { services: { user: { hegde: true } } } as object;
  expect(() => createClient({ registry: "memory:", log: "silent", policy })).toThrow(
    "createClient: policy.services.user.hegde is not known: did you mean hedge?",
  );
});
