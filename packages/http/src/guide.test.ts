import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CODES } from "@skein/core";
import { expect, test } from "vitest";
import { STATUS_OF } from "./error-answer.ts";
import { DEFAULT_CALL_LIMITS } from "./limits.ts";

const guide = readFileSync(join(import.meta.dirname, "../../../docs/guides/http.md"), "utf8");
const rows = (pattern: RegExp) =>
  [...guide.matchAll(pattern)].map(([, name, value]) => [name, Number(value)]);

test("the guide's table of statuses is the code's, and every code has one", () => {
  const written = rows(/^\| `([A-Z_]+)` \| (\d+) \|$/gm);
  expect(written.sort()).toEqual(Object.entries(STATUS_OF).sort());
  expect(written.map(([code]) => code).sort()).toEqual(CODES.slice(1).sort());
});

test("so is its table of limits", () =>
  expect(rows(/^\| `([a-z]\w+)` \| (\d+) \|$/gm)).toEqual(Object.entries(DEFAULT_CALL_LIMITS)));
