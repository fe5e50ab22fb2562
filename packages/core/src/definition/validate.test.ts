import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { RpcError } from "../errors/rpc-error.ts";
import type { StandardSchema } from "../schema.ts";
import { validateInput, validateOutput } from "./validate.ts";

const endpointOf = (schema: StandardSchema<any, any>) => ({ name: "save", input: schema, output: schema });
function thrownBy(act: () => unknown): RpcError {
  try {
    act();
  } catch (error) {
    expect(RpcError.is(error)).toBe(true);
    return error as RpcError;
  }
  throw new Error("nothing was thrown");
}

describe.each([
  ["zod", z.object({ user: z.object({ tags: z.array(z.string()) }) })],
  ["valibot", v.object({ user: v.object({ tags: v.array(v.string()) }) })],
  ["arktype", type({ user: { tags: "string[]" } })],
])("schemas of %s", (_, schema) => {
  const endpoint = endpointOf(schema);
  test("valid values pass, without a promise", () => {
    expect(validateInput(endpoint, { user: { tags: ["a"] } })).toEqual({ user: { tags: ["a"] } });
    expect(validateOutput(endpoint, { user: { tags: [] } })).toEqual({ user: { tags: [] } });
  });
  test("invalid input names its fields", () => {
    const error = thrownBy(() => validateInput(endpoint, { user: { tags: ["a", 1] } }));
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", executed: "no", retry: "none" });
    expect(error.message).toMatch(/^invalid input for save: user\.tags\[1\]: /);
    expect(error.details).toMatchObject({ issues: [{ path: "user.tags[1]" }] });
  });
  test("input that is nothing at all", () => {
    const error = thrownBy(() => validateInput(endpoint, undefined));
    expect(error.details).toMatchObject({ issues: [{ path: "" }] });
    expect(error.message).toMatch(/^invalid input for save: [^:]/);
  });
  test("invalid output tells the caller nothing of it, and the log all", () => {
    const error = thrownBy(() => validateOutput(endpoint, { user: { tags: [1] } }));
    expect(error).toMatchObject({ code: "INTERNAL", executed: "yes", retry: "none", details: undefined });
    expect(error.message).toBe("save returned what its output schema refuses");
    expect((error.cause as Error).message).toMatch(/^user\.tags\[0\]: /);
  });
});

test("what a schema makes of a value is what counts", () => {
  expect(validateInput(endpointOf(z.string().transform(Number)), "7")).toBe(7);
  expect(validateInput(endpointOf(v.pipe(v.string(), v.transform(Number))), "7")).toBe(7);
  expect(validateInput(endpointOf(type("string.numeric.parse")), "7")).toBe(7);
});

test("without a schema anything passes, as it is", () => {
  const value = {};
  expect(validateInput({ name: "x", input: undefined, output: undefined }, value)).toBe(value);
});

test.each([
  ["zod", z.string().refine(async (s) => s === "ok")],
  [
    "valibot",
    v.pipeAsync(
      v.string(),
      v.checkAsync(async (s) => s === "ok"),
    ),
  ],
])("asynchronous schemas of %s give a promise", async (_, schema) => {
  const endpoint = endpointOf(schema);
  const checked = validateInput(endpoint, "ok");
  expect(checked).toBeInstanceOf(Promise);
  expect(await checked).toBe("ok");
  await expect(validateInput(endpoint, "no")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  await expect(validateOutput(endpoint, "no")).rejects.toMatchObject({ code: "INTERNAL" });
});

test("an error is small whatever the value", () => {
  const many = thrownBy(() =>
    validateInput(
      endpointOf(z.array(z.string())),
      Array.from({ length: 10_000 }, () => 1),
    ),
  );
  expect((many.details as { issues: unknown[] }).issues).toHaveLength(16);
  const long = thrownBy(() => validateInput(endpointOf(v.literal("a")), "x".repeat(100_000)));
  expect(long.message.length).toBeLessThan(400);
});
