import { type } from "arktype";
import * as v from "valibot";
import { expectTypeOf, test } from "vitest";
import { z } from "zod";
import type { CallContext } from "../context.ts";
import { defineErrors } from "../errors/define-errors.ts";
import type { CallOptions } from "../types/call-options.ts";
import type { Internal, ServiceClient } from "../types/service-client.ts";
import { Rpc, Service } from "./decorators.ts";
import { clientStream, defineService, type Handlers, serverStream, unary } from "./define-service.ts";

interface User {
  id: string;
  name: string;
}

test("what may be an endpoint", () => {
  @Service("user", { version: "1" })
  class Good {
    @Rpc() none(): void {}
    @Rpc() async one({ id }: { id: string }): Promise<User> {
      return { id, name: "" };
    }
    @Rpc({ idempotent: true }) withContext(_: { id: string }, ctx: CallContext): string {
      return ctx.method;
    }
    @Rpc() optional(_?: { id: string }, __?: CallContext): void {}
    @Rpc() async *stream(n: number, _ctx: CallContext): AsyncGenerator<User> {
      if (n > 0) yield { id: "", name: "" };
    }
    @Rpc({ kind: "client-stream" }) async upload(items: AsyncIterable<number>): Promise<number> {
      for await (const n of items) return n;
      return 0;
    }
    @Rpc({ kind: "server-stream" }) returnsIterable(): AsyncIterable<number> {
      return this.stream(1, undefined as never) as never;
    }
    @Rpc() anything(x: any): any {
      return x;
    }
    @Rpc({ input: z.object({ id: z.string() }), output: z.object({ name: z.string() }) })
    zod(input: { id: string }): { name: string } {
      return { name: input.id };
    }
    @Rpc({ input: v.object({ id: v.string() }) }) valibot(_: { id: string }): void {}
    @Rpc({ input: type({ id: "string" }) }) arktype(_: { id: string }): void {}
  }
  expectTypeOf(Good).toBeObject();
});

test("what may not", () => {
  class Bad {
    // @ts-expect-error two inputs
    @Rpc() two(_a: string, _b: number): void {}
    // @ts-expect-error three parameters
    @Rpc() three(_a: string, _ctx: CallContext, _c?: number): void {}
    // @ts-expect-error rest parameters
    @Rpc() rest(..._a: string[]): void {}
    // @ts-expect-error the context is no input
    @Rpc() contextFirst(_ctx: CallContext): void {}
    // @ts-expect-error a stream of inputs must be declared
    @Rpc() upload(_: AsyncIterable<number>): void {}
    // @ts-expect-error declared, and none
    @Rpc({ kind: "client-stream" }) noStream(_: number): void {}
    // @ts-expect-error the schema gives { id: number }
    @Rpc({ input: z.object({ id: z.number() }) }) input(_: { id: string }): void {}
    // @ts-expect-error the parameter wants more than the schema gives
    @Rpc({ input: z.object({ id: z.string() }) }) more(_: { id: string; name: string }): void {}
    // @ts-expect-error the output lacks the name
    @Rpc({ output: z.object({ name: z.string() }) }) output(): { id: string } {
      return { id: "" };
    }
    // @ts-expect-error no such kind
    @Rpc({ kind: "sometimes" }) kind(): void {}
    // @ts-expect-error no such option
    @Rpc({ retries: 3 }) option(): void {}
    // @ts-expect-error on a field
    @Rpc() field = 1;
    // @ts-expect-error on a getter
    @Rpc() get getter(): number {
      return 1;
    }
  }
  expectTypeOf(Bad).toBeObject();
});

declare class UserService {
  getUser(input: { id: string }): Promise<User | null>;
  now(): number;
  withContext(input: { id: string }, ctx: CallContext): User;
  optional(input?: { like: string }, ctx?: CallContext): Promise<void>;
  watch(filter: { like: string }, ctx: CallContext): AsyncGenerator<User>;
  upload(items: AsyncIterable<User>): Promise<number>;
  any(x: any): Promise<any>;
  onStart(): Promise<void>;
  size(): Internal<number>;
  field: string;
  private secret(): Promise<string>;
  protected guarded(): Promise<string>;
}
declare const users: ServiceClient<UserService>;

test("a class, seen from a client", () => {
  expectTypeOf<keyof typeof users>().toEqualTypeOf<
    "getUser" | "now" | "withContext" | "optional" | "watch" | "upload" | "any" | "call"
  >();
  expectTypeOf(users.getUser).toEqualTypeOf<
    (input: { id: string }, options?: CallOptions) => Promise<User | null>
  >();
  expectTypeOf(users.now).toEqualTypeOf<(input?: undefined, options?: CallOptions) => Promise<number>>();
  expectTypeOf(users.withContext).toEqualTypeOf<
    (input: { id: string }, options?: CallOptions) => Promise<User>
  >();
  expectTypeOf(users.optional).parameters.toEqualTypeOf<
    [input?: { like: string } | undefined, options?: CallOptions]
  >();
  expectTypeOf(users.watch({ like: "" })).toEqualTypeOf<AsyncIterable<User>>();
  expectTypeOf(users.upload([{ id: "", name: "" }])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(users.call("getUser", { id: "1" })).toEqualTypeOf<Promise<User | null>>();
  expectTypeOf(users.call("watch", { like: "" }, { timeoutMs: 5 })).toEqualTypeOf<AsyncIterable<User>>();
});

test("typos do not compile", () => {
  // @ts-expect-error method
  void users.getUsr;
  // @ts-expect-error argument
  void users.getUser({ id: 1 });
  // @ts-expect-error missing argument
  void users.getUser();
  // @ts-expect-error option
  void users.getUser({ id: "" }, { timeout: 5 });
  // @ts-expect-error result
  void users.getUser({ id: "" }).then((u) => u?.nmae);
  // @ts-expect-error method by name
  void users.call("nope");
  // @ts-expect-error private
  void users.call("secret");
  // @ts-expect-error internal
  void users.call("size");
  // @ts-expect-error lifecycle
  void users.onStart;
});

const contract = defineService("user", {
  getUser: unary<{ id: string }, User>({ idempotent: true }),
  count: unary({ input: z.object({ n: z.string().transform(Number) }), output: z.date().transform(String) }),
  watch: serverStream<{ like: string }, User>(),
  upload: clientStream<User, number>(),
  inline: unary(async ({ id }: { id: string }) => ({ id, name: "" })),
});

test("a contract, seen from both sides", () => {
  const client = undefined as unknown as ServiceClient<typeof contract>;
  expectTypeOf(client.getUser).toEqualTypeOf<
    (input: { id: string }, options?: CallOptions) => Promise<User>
  >();
  expectTypeOf(client.count).toEqualTypeOf<
    (input: { n: string }, options?: CallOptions) => Promise<string>
  >();
  expectTypeOf(client.watch({ like: "" })).toEqualTypeOf<AsyncIterable<User>>();
  expectTypeOf(client.upload([])).toEqualTypeOf<Promise<number>>();
  expectTypeOf(client.inline({ id: "" })).resolves.toEqualTypeOf<{ id: string; name: string }>();
  // @ts-expect-error the caller gives what the schema takes, not what it gives
  void client.count({ n: 1 });

  @Service(contract)
  class Users implements Handlers<typeof contract> {
    async getUser({ id }: { id: string }): Promise<User> {
      return { id, name: "" };
    }
    async count({ n }: { n: number }): Promise<Date> {
      return new Date(n);
    }
    async *watch(): AsyncGenerator<User> {}
    async upload(_: AsyncIterable<User>): Promise<number> {
      return 0;
    }
    async inline({ id }: { id: string }): Promise<User> {
      return { id, name: "" };
    }
  }
  expectTypeOf(Users).toBeObject();
  // @ts-expect-error not all of the contract
  class Half implements Handlers<typeof contract> {}
  expectTypeOf(Half).toBeObject();
});

test("errors narrow", () => {
  const errors = defineErrors({ USER_GONE: z.object({ id: z.string() }), BUSY: { code: "UNAVAILABLE" } });
  const e: unknown = errors.USER_GONE({ id: "1" });
  if (errors.USER_GONE.is(e)) expectTypeOf(e.details).toEqualTypeOf<{ id: string }>();
  // @ts-expect-error wrong data
  errors.USER_GONE({ id: 1 });
  // @ts-expect-error no such error
  void errors.USER_GNE;
  errors.BUSY();
});
