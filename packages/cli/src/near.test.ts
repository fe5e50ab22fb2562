import { expect, test } from "vitest";
import { nearNames, suggestion } from "./near.ts";

const KNOWN = ["user", "order", "orders", "payment", "stock"];

test.each([
  ["usr", ["user"]],
  ["User", ["user"]],
  ["ordre", ["order"]],
  ["order", ["order", "orders"]],
  ["pay", ["payment"]],
  ["usre", ["user"]],
  ["xyz", []],
  ["", []],
])("%j", (wanted, near) => {
  expect(nearNames(wanted, KNOWN)).toEqual(near);
});

test("suggestion names the near ones, else what there is", () => {
  expect(suggestion("usr", KNOWN)).toBe("; did you mean user?");
  expect(suggestion("order", KNOWN)).toBe("; did you mean order or orders?");
  expect(suggestion("zzz", KNOWN)).toBe("; there are: user, order, orders, payment, stock");
  expect(suggestion("zzz", ["user"])).toBe("; there is: user");
  expect(suggestion("zzz", [])).toBe("");
  const many = Array.from({ length: 20 }, (_, at) => `service-${at}`);
  expect(suggestion("zzz", many)).toMatch(/service-7 and 12 more$/);
});
