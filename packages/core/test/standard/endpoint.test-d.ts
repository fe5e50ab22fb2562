// Checked for standard decorators, and, by ../legacy/tsconfig.json, for legacy ones.
import { type CallContext, defineService, Rpc, Service, serverStream, unary } from "@skein/core";
import { type } from "arktype";
import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";

interface User {
  id: string;
  name: string;
}

test("what may be an endpoint", () => {
  @Service("user", { version: "1" })
  class Good {
    @Rpc() none(): void {}
    @Rpc() never(): never {
      throw new Error();
    }
    @Rpc() async one({ id }: { id: string }): Promise<User> {
      return { id, name: "" };
    }
    @Rpc({ idempotent: true }) withContext(_: { id: string }, ctx: CallContext): string {
      return ctx.method;
    }
    @Rpc() onlyContext(_: undefined, ctx: CallContext): string {
      return ctx.method;
    }
    @Rpc() optional(_?: { id: string }, __?: CallContext): void {}
    @Rpc() anything(x: any): any {
      return x;
    }
    @Rpc() async *stream(n: number, _ctx: CallContext): AsyncGenerator<User> {
      if (n > 0) yield { id: "", name: "" };
    }
    @Rpc({ kind: "client-stream" }) async upload(items: AsyncIterable<number>): Promise<number> {
      for await (const n of items) return n;
      return 0;
    }
    @Rpc({ kind: "bidi-stream" }) async *chat(items: AsyncIterable<number>): AsyncGenerator<number> {
      yield* items;
    }
    @Rpc({ kind: "server-stream" }) returnsIterable(): AsyncIterable<User> {
      return this.stream(1, undefined as never);
    }
    @Rpc({ kind: "server-stream" }) async promisesIterable(): Promise<AsyncIterable<User>> {
      return this.returnsIterable();
    }
  }
  expectTypeOf(Good).toBeObject();
});

test("schemas that fit", () => {
  class Good {
    @Rpc({ input: z.object({ id: z.string() }), output: z.object({ name: z.string() }) })
    zod(input: { id: string }): { name: string } {
      return { name: input.id };
    }
    @Rpc({ input: v.object({ id: v.string() }), output: v.nullable(v.string()) })
    valibot(input: { id: string }): string {
      return input.id;
    }
    @Rpc({ input: type({ id: "string" }), output: type("string[]") })
    async arktype(input: { id: string }): Promise<string[]> {
      return [input.id];
    }
    @Rpc({ input: z.object({ size: z.number().default(10) }) }) defaults(_: { size: number }): void {}
    @Rpc({ input: z.coerce.number() }) coerced(_: number): void {}
    @Rpc({ output: z.object({ id: z.string(), name: z.string() }).nullable() }) nullable(): User | null {
      return null;
    }
    @Rpc({ output: z.number() }) async *items(): AsyncGenerator<number> {
      yield 1;
    }
    @Rpc({ kind: "client-stream", input: z.number() }) async takesItems(
      _: AsyncIterable<number>,
    ): Promise<void> {}
  }
  expectTypeOf(Good).toBeObject();
});

test("methods that may not be endpoints", () => {
  class Bad {
    // @ts-expect-error two inputs
    @Rpc() two(_a: string, _b: number): void {}
    // @ts-expect-error three parameters
    @Rpc() three(_a: string, _ctx: CallContext, _c?: number): void {}
    // @ts-expect-error rest parameters
    @Rpc() rest(..._a: string[]): void {}
    // @ts-expect-error the context is no input
    @Rpc() contextFirst(_ctx: CallContext): void {}
    // @ts-expect-error no such option
    @Rpc({ retries: 3 }) option(): void {}
    // @ts-expect-error no such kind
    @Rpc({ kind: "sometimes" }) kind(): void {}
    // @ts-expect-error no such priority
    @Rpc({ priority: "urgent" }) priority(): void {}
    // @ts-expect-error on a field
    @Rpc() field = 1;
    // @ts-expect-error on a getter
    @Rpc() get getter(): number {
      return 1;
    }
  }
  expectTypeOf(Bad).toBeObject();
});

test("streams that are not said, or said and none", () => {
  class Bad {
    // @ts-expect-error a stream of inputs must be declared
    @Rpc() upload(_: AsyncIterable<number>): void {}
    // @ts-expect-error as a stream of inputs
    @Rpc({ kind: "server-stream" }) async *chat(_: AsyncIterable<number>): AsyncGenerator<number> {}
    // @ts-expect-error declared, and none
    @Rpc({ kind: "client-stream" }) noStream(_: number): void {}
    // @ts-expect-error it gives a stream as well
    @Rpc({ kind: "client-stream" }) async *both(_: AsyncIterable<number>): AsyncGenerator<number> {}
    // @ts-expect-error a stream of outputs that it does not generate must be declared
    @Rpc() returnsIterable(): AsyncIterable<number> {
      return undefined as never;
    }
    // @ts-expect-error promised or not
    @Rpc() async promisesIterable(): Promise<AsyncIterable<number>> {
      return undefined as never;
    }
    // @ts-expect-error declared, and an array
    @Rpc({ kind: "server-stream" }) array(): number[] {
      return [];
    }
    // @ts-expect-error declared as no stream
    @Rpc({ kind: "unary" }) async *generator(): AsyncGenerator<number> {}
    // @ts-expect-error generators are async
    @Rpc() *sync(): Generator<number> {}
  }
  expectTypeOf(Bad).toBeObject();
});

test("schemas that do not fit", () => {
  class Bad {
    // @ts-expect-error the schema gives { id: number }
    @Rpc({ input: z.object({ id: z.number() }) }) input(_: { id: string }): void {}
    // @ts-expect-error the same of valibot
    @Rpc({ input: v.object({ id: v.number() }) }) valibot(_: { id: string }): void {}
    // @ts-expect-error the same of arktype
    @Rpc({ input: type({ id: "number" }) }) arktype(_: { id: string }): void {}
    // @ts-expect-error the parameter wants more than the schema gives
    @Rpc({ input: z.object({ id: z.string() }) }) more(_: User): void {}
    // @ts-expect-error a schema for no input
    @Rpc({ input: z.string() }) none(): void {}
    // @ts-expect-error callers would send a number where the schema takes a string
    @Rpc({ input: z.string().transform(Number) }) transformed(_: number): void {}
    // @ts-expect-error each item is a number
    @Rpc({ kind: "client-stream", input: z.string() }) async takesItems(
      _: AsyncIterable<number>,
    ): Promise<void> {}
    // @ts-expect-error the output lacks the name
    @Rpc({ output: z.object({ name: z.string() }) }) output(): { id: string } {
      return { id: "" };
    }
    // @ts-expect-error promised or not
    @Rpc({ output: z.object({ name: z.string() }) }) async promised(): Promise<{ id: string }> {
      return { id: "" };
    }
    // @ts-expect-error each item is a number
    @Rpc({ output: z.string() }) async *items(): AsyncGenerator<number> {}
    // @ts-expect-error callers would get a string where the method returns a number
    @Rpc({ output: z.number().transform(String) }) outputTransformed(): number {
      return 1;
    }
    // @ts-expect-error callers would not get the name
    @Rpc({ output: z.object({ id: z.string() }) }) stripped(): User {
      return { id: "", name: "" };
    }
    // @ts-expect-error no schema
    @Rpc({ input: { parse: () => 1 } }) noSchema(_: number): void {}
  }
  expectTypeOf(Bad).toBeObject();
});

test("a class that a contract decorates has its methods, whether it says `implements` or not", () => {
  const contract = defineService("user", {
    get: unary<{ id: string }, User>(),
    watch: serverStream<string, User>(),
  });
  @Service(contract)
  class Whole {
    async get({ id }: { id: string }): Promise<User> {
      return { id, name: "" };
    }
    async *watch(): AsyncGenerator<User> {}
  }
  // @ts-expect-error watch is missing
  @Service(contract)
  class Half {
    async get({ id }: { id: string }): Promise<User> {
      return { id, name: "" };
    }
  }
  // @ts-expect-error get takes something else
  @Service(contract)
  class Other {
    async get(id: string): Promise<User> {
      return { id, name: "" };
    }
    async *watch(): AsyncGenerator<User> {}
  }
  expectTypeOf([Whole, Half, Other]).toBeArray();
});
