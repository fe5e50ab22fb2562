import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import { defineErrors } from "./define-errors.ts";
import type { Code } from "./rpc-error.ts";

const errors = defineErrors({
  USER_GONE: z.object({ id: z.string() }),
  BUSY: { code: "UNAVAILABLE" },
  LOCKED: { code: "ABORTED", data: z.object({ until: z.string().transform(Number) }) },
});

test("errors narrow", () => {
  const e: unknown = undefined;
  if (errors.USER_GONE.is(e)) {
    expectTypeOf(e.details).toEqualTypeOf<{ id: string }>();
    expectTypeOf(e.type).toEqualTypeOf<"USER_GONE">();
    expectTypeOf(e.code).toEqualTypeOf<Code>();
    // @ts-expect-error field
    void e.details.ID;
  }
  if (errors.BUSY.is(e)) expectTypeOf(e.details).toEqualTypeOf<undefined>();
  // Data is sent as it was given.
  if (errors.LOCKED.is(e)) expectTypeOf(e.details).toEqualTypeOf<{ until: string }>();
});

test("typos do not compile", () => {
  errors.BUSY();
  errors.USER_GONE({ id: "1" }, "gone for good");
  // @ts-expect-error wrong data
  errors.USER_GONE({ id: 1 });
  // @ts-expect-error no data
  errors.USER_GONE();
  // @ts-expect-error no such error
  void errors.USER_GNE;
  // @ts-expect-error no such code
  defineErrors({ GONE: { code: "GONE" } });
  // @ts-expect-error no schema
  defineErrors({ GONE: { data: "string" } });
  // @ts-expect-error no such field
  defineErrors({ GONE: { schema: z.string() } });
});
