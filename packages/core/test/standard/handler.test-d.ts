// Checked for standard decorators, and, by ../legacy/tsconfig.json, for legacy ones.
import {
  type CallContext,
  defineEvents,
  type EventContext,
  type EventsOf,
  On,
  type OnFactory,
} from "@skein/core";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

interface UserCreated {
  readonly id: string;
}
interface Declared {
  "user.created": UserCreated;
  "user.gone": { readonly id: string; readonly why: string };
  "order.placed": number;
}
const Heard = On as unknown as OnFactory<Declared>;
const Checked = defineEvents({ "order.sent": z.object({ at: z.string().transform(Number) }) });

test("what may handle an event", () => {
  class Good {
    @Heard("user.created") none(): void {}
    @Heard("user.created") async one({ id }: UserCreated): Promise<string> {
      return id;
    }
    @Heard("user.created") withContext(_: UserCreated, ctx: EventContext): void {
      void ctx.attempt;
    }
    @Heard("user.created") optional(_?: UserCreated, __?: EventContext): void {}
    @Heard("user.created") wider(_: { id: unknown }): void {}
    @Heard("user.created") anything(_: unknown): void {}
    @Heard("user.*") two({ id }: UserCreated): void {
      void id;
    }
    @Heard(">", { broadcast: true }) all(_: UserCreated | number): void {}
    @Heard("user.created") @Heard("user.gone", { queue: "audit" }) both(_: UserCreated): void {}
    @On("nothing.is.declared") free(_: { any: string }): void {}
    @On(Checked["order.sent"]) checked({ at }: { at: number }): void {
      void at;
    }
    @Heard("user.created") protected kept(_: UserCreated): void {}
  }
  expectTypeOf(Good).toBeObject();
});

test("what may not", () => {
  class Bad {
    // @ts-expect-error no such event
    @Heard("user.craeted") typo(): void {}
    // @ts-expect-error takes none of those declared
    @Heard("usr.*") pattern(): void {}
    // @ts-expect-error another payload
    @Heard("user.created") other(_: { name: string }): void {}
    // @ts-expect-error one of the pattern's events carries something else
    @Heard("user.*") narrower(_: { id: string; why: string }): void {}
    // @ts-expect-error all of them: a number too
    @Heard(">") all(_: UserCreated): void {}
    // @ts-expect-error the context comes second
    @Heard("user.created") first(_: EventContext): void {}
    // @ts-expect-error that of calls
    @Heard("user.created") call(_: UserCreated, __: CallContext): void {}
    // @ts-expect-error too many
    @Heard("user.created") three(_: UserCreated, __: EventContext, ___: string): void {}
    // @ts-expect-error its code would never run
    @Heard("user.created") async *generator(_: UserCreated): AsyncGenerator<number> {}
    // @ts-expect-error what its schema gives is a number
    @On(Checked["order.sent"]) checked(_: { at: string }): void {}
    // @ts-expect-error no such option
    @Heard("user.created", { group: "x" }) option(): void {}
    // @ts-expect-error a field
    @Heard("user.created") field = (): number => 1;
    // @ts-expect-error without a name
    @On method(): void {}
  }
  expectTypeOf(Bad).toBeObject();
});

test("by name, what is published", () => {
  expectTypeOf<EventsOf<typeof Checked>["order.sent"]>().toEqualTypeOf<{ at: string }>();
});
