import { expect, test } from "vitest";
import { expectedSummary } from "../expected-summary.ts";
import { call, summarize } from "./decorated.ts";

test("decorated classes, as vitest compiles them", async () => {
  expect(summarize()).toEqual(expectedSummary);
  expect(await call()).toBe("u-1! ann ,ann ,mail ann user.created");
});
