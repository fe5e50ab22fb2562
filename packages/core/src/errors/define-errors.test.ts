import { expect, test } from "vitest";
import { z } from "zod";
import { defineErrors } from "./define-errors.ts";
import { RpcError } from "./rpc-error.ts";

const errors = defineErrors({
  USER_GONE: { code: "NOT_FOUND", data: z.object({ id: z.string() }) },
  LOCKED: z.object({ until: z.number() }),
  BUSY: {},
  SLOW: z.string().refine(async () => false),
});
const received = (type: string, details?: unknown) => new RpcError("NOT_FOUND", "x", { type, details });

test("made to be thrown", () => {
  expect(errors.USER_GONE({ id: "7" })).toMatchObject({
    code: "NOT_FOUND",
    type: "USER_GONE",
    details: { id: "7" },
    message: "user gone",
  });
  expect(errors.LOCKED({ until: 1 }, "locked for now")).toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "locked for now",
  });
  expect(errors.BUSY()).toBeInstanceOf(Error);
});

test("told apart by type and data, thrown here or received", () => {
  const gone = errors.USER_GONE({ id: "7" });
  expect(errors.USER_GONE.is(gone)).toBe(true);
  expect(errors.BUSY.is(gone)).toBe(false);
  expect(errors.USER_GONE.is(received("USER_GONE", { id: "7" }))).toBe(true);
  expect(errors.USER_GONE.is(received("USER_GONE", { id: 7 }))).toBe(false);
  expect(errors.USER_GONE.is(received("USER_GONE"))).toBe(false);
  expect(errors.BUSY.is(received("BUSY"))).toBe(true);
  for (const other of [new Error("USER_GONE"), { type: "USER_GONE", details: { id: "7" } }, null, undefined])
    expect(errors.USER_GONE.is(other)).toBe(false);
});

test("data that can only be checked asynchronously is not checked", () => {
  expect(errors.SLOW.is(received("SLOW", "x"))).toBe(true);
});

test("what an endpoint is told of them", () => {
  expect([...errors.definitions].map(([name, { code }]) => [name, code])).toEqual([
    ["USER_GONE", "NOT_FOUND"],
    ["LOCKED", "FAILED_PRECONDITION"],
    ["BUSY", "FAILED_PRECONDITION"],
    ["SLOW", "FAILED_PRECONDITION"],
  ]);
});

test.each([
  [
    { definitions: {} },
    'defineErrors: "definitions" cannot be the name of an error: choose another, as in USER_GONE',
  ],
  [
    JSON.parse('{"__proto__": {}}'),
    'defineErrors: "__proto__" cannot be the name of an error: choose another, as in USER_GONE',
  ],
  [{ "a b": {} }, 'defineErrors: "a b" cannot be the name of an error: choose another, as in USER_GONE'],
  [
    { GONE: { data: "string" } },
    "defineErrors: the data of GONE is no Standard Schema: give one of zod, valibot, arktype or the like",
  ],
])("refused: %j", (specs, message) => {
  expect(() => defineErrors(specs as never)).toThrow(new TypeError(message));
});

test.each(["OK", "GONE", "not_found"])("refused: the code %s", (code) => {
  expect(() => defineErrors({ GONE: { code: code as never } })).toThrow(
    `defineErrors: GONE has code "${code}": give one of CANCELLED, UNKNOWN, INVALID_ARGUMENT, `,
  );
});
