import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { expectedSummary } from "../expected-summary.ts";
import { call, summarize } from "./decorated.ts";

test("decorated classes, as vitest compiles them", async () => {
  expect(summarize()).toEqual(expectedSummary);
  expect(await call()).toBe("u-1! ann ,ann ,mail ann user.created");
});

test("both kinds are shown with the same text", () => {
  const text = (kind: string) => readFileSync(join(import.meta.dirname, "..", kind, "decorated.ts"), "utf8");
  expect(text("legacy")).toBe(text("standard"));
});
