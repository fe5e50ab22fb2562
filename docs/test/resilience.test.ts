import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_POLICY } from "@skein/core";
import { expect, test } from "vitest";
import { DEFAULT_QUEUE } from "../../packages/core/src/server/queue-options.ts";
import { DEFAULT_LIMITS } from "../../packages/core/src/session/limits.ts";

const guide = readFileSync(join(import.meta.dirname, "../guides/resilience.md"), "utf8");

/** `{ a: { b: 1 } }` as `a.b` → `1`. */
function flat(value: unknown, path: string): [string, string][] {
  if (typeof value !== "object" || value === null) return [[path, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, path === "" ? key : `${path}.${key}`));
}

test("the guide's tables of defaults are the code's, no field missing and none too many", () => {
  const written = [...guide.matchAll(/^\| `([\w.]+)` \| ([\w.]+) \|/gm)].map(([, field, value]) => [
    field,
    value,
  ]);
  const real = [
    ...flat(DEFAULT_POLICY, ""),
    ...flat(DEFAULT_QUEUE, "queue"),
    ...flat(DEFAULT_LIMITS, "limits"),
  ];
  expect(written.sort()).toEqual(real.sort());
});
