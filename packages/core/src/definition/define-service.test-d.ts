import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { CallContext } from "../context.ts";
import type { CallOptions } from "../types/call-options.ts";
import type { ServiceClient } from "../types/service-client.ts";
import { Service } from "./decorators.ts";
import {
  bidiStream,
  clientStream,
  defineService,
  type Handlers,
  serverStream,
  unary,
} from "./define-service.ts";

interface User {
  id: string;
  name: string;
}
const contract = defineService(
  "user",
  {
    getUser: unary<{ id: string }, User>({ idempotent: true }),
    count: unary({
      input: z.object({ n: z.string().transform(Number) }),
      output: z.date().transform(String),
    }),
    touch: unary({ input: z.string() }),
    now: unary({ output: z.number(), timeoutMs: 100 }),
    ping: unary(),
    watch: serverStream<{ like: string }, User>(),
    upload: clientStream<User, number>(),
    chat: bidiStream({ input: z.string(), output: z.string().transform((s) => s.length) }),
  },
  { version: "1.0.0" },
);

test("a contract, seen by its callers", () => {
  const client = undefined as unknown as ServiceClient<typeof contract>;
  type Call<I, O> = (input: I, options?: CallOptions) => O;
  type CallOfNone<O> = (input?: undefined, options?: CallOptions) => O;
  expectTypeOf(client.getUser).toEqualTypeOf<Call<{ id: string }, Promise<User>>>();
  expectTypeOf(client.count).toEqualTypeOf<Call<{ n: string }, Promise<string>>>();
  expectTypeOf(client.touch).toEqualTypeOf<Call<string, Promise<void>>>();
  expectTypeOf(client.now).toEqualTypeOf<CallOfNone<Promise<number>>>();
  expectTypeOf(client.ping).toEqualTypeOf<CallOfNone<Promise<void>>>();
  expectTypeOf(client.watch).toEqualTypeOf<Call<{ like: string }, AsyncIterable<User>>>();
  expectTypeOf(client.upload).toEqualTypeOf<Call<AsyncIterable<User> | Iterable<User>, Promise<number>>>();
  expectTypeOf(client.chat).toEqualTypeOf<
    Call<AsyncIterable<string> | Iterable<string>, AsyncIterable<number>>
  >();
  expectTypeOf(client.call("count", { n: "1" })).toEqualTypeOf<Promise<string>>();
  // @ts-expect-error the caller gives what the schema takes, not what it gives
  void client.count({ n: 1 });
  // @ts-expect-error no such method
  void client.getUsr;
  // @ts-expect-error the result is no promise
  void client.watch({ like: "" }).then;
});

test("a contract, seen by a class", () => {
  @Service(contract)
  class Users implements Handlers<typeof contract> {
    async getUser({ id }: { id: string }, _ctx: CallContext): Promise<User> {
      return { id, name: "" };
    }
    async count({ n }: { n: number }): Promise<Date> {
      return new Date(n);
    }
    touch(_: string): void {}
    now(): number {
      return 1;
    }
    ping(): void {}
    async *watch(): AsyncGenerator<User> {}
    async upload(_: AsyncIterable<User>): Promise<number> {
      return 0;
    }
    async *chat(items: AsyncIterable<string>): AsyncGenerator<string> {
      yield* items;
    }
  }
  expectTypeOf(Users).toBeObject();
  // @ts-expect-error not all of the contract
  class Half implements Handlers<typeof contract> {}
  expectTypeOf(Half).toBeObject();
});

test("a contract, seen by an object", () => {
  const small = defineService("small", {
    double: unary({ input: z.string().transform(Number), output: z.number() }),
    watch: serverStream<string, number>(),
  });
  small.implement({
    double: (n, ctx) => {
      expectTypeOf(n).toEqualTypeOf<number>();
      expectTypeOf(ctx).toEqualTypeOf<CallContext>();
      return n * 2;
    },
    async *watch(name) {
      yield name.length;
    },
  });
  // @ts-expect-error double is missing
  small.implement({ async *watch() {} });
  // @ts-expect-error double gives a number
  small.implement({ double: () => "2", async *watch() {} });
  // @ts-expect-error halve is no endpoint of it
  small.implement({ double: () => 2, async *watch() {}, halve: () => 1 });
});

test("handlers in place", () => {
  const echo = defineService("echo", {
    say: unary(async ({ text }: { text: string }) => text.length),
    one: unary(() => 1),
    checked: unary({ input: z.string().transform(Number) }, (n, ctx) => {
      expectTypeOf(n).toEqualTypeOf<number>();
      return `${n}${ctx.method}`;
    }),
    count: serverStream(async function* (to: number, _ctx) {
      yield to;
    }),
    sum: clientStream(async (items: AsyncIterable<number>) => {
      for await (const n of items) return n;
      return 0;
    }),
  });
  const client = undefined as unknown as ServiceClient<typeof echo>;
  expectTypeOf(client.say).parameters.toEqualTypeOf<[input: { text: string }, options?: CallOptions]>();
  expectTypeOf(client.say).returns.toEqualTypeOf<Promise<number>>();
  expectTypeOf(client.one).toEqualTypeOf<(input?: undefined, options?: CallOptions) => Promise<number>>();
  expectTypeOf(client.checked).toEqualTypeOf<(input: string, options?: CallOptions) => Promise<string>>();
  expectTypeOf(client.count).toEqualTypeOf<(input: number, options?: CallOptions) => AsyncIterable<number>>();
  expectTypeOf(client.sum).returns.toEqualTypeOf<Promise<number>>();
  // @ts-expect-error a second input
  unary((_a: string, _b: number) => 1);
  // @ts-expect-error a third parameter
  unary((_a: string, _ctx: CallContext, _c: number) => 1);
  // @ts-expect-error the schema gives a string
  unary({ input: z.string() }, (_: number) => 1);
  // @ts-expect-error the schema takes a string
  unary({ output: z.string() }, () => 1);
  // @ts-expect-error a stream gives items
  serverStream(async () => 1);
  // @ts-expect-error no such option
  unary({ retries: 1 });
  // @ts-expect-error no types by hand beside schemas: which would hold?
  unary<string, number>({ input: z.string() });
  // @ts-expect-error no endpoint
  defineService("x", { plain: async () => 1 });
});
