import { expectTypeOf, test } from "vitest";
import type { Client } from "../client/client.ts";
import type { CallContext } from "../context.ts";
import { defineService, unary } from "../definition/define-service.ts";
import type { CallOptions } from "./call-options.ts";
import type { Internal, ServiceClient } from "./service-client.ts";

interface User {
  id: string;
  name: string;
}
declare class UserService {
  getUser(input: { id: string }): Promise<User | null>;
  now(): number;
  withContext(input: { id: string }, ctx: CallContext): User;
  onlyContext(_: undefined, ctx: CallContext): void;
  optional(input?: { like: string }, ctx?: CallContext): Promise<void>;
  flag(input: boolean): Promise<void>;
  watch(filter: { like: string }, ctx: CallContext): AsyncGenerator<User>;
  later(): Promise<AsyncIterable<User>>;
  upload(items: AsyncIterable<User>): Promise<number>;
  any(x: any): Promise<any>;
  never(): never;
  onStart(): Promise<void>;
  onStop(): void;
  size(): Internal<number>;
  field: string;
  private secret(): Promise<string>;
  protected guarded(): Promise<string>;
}
declare const users: ServiceClient<UserService>;
type Call<I, O> = (input: I, options?: CallOptions) => O;

test("a class, seen by its callers", () => {
  expectTypeOf<keyof typeof users>().toEqualTypeOf<
    | "getUser"
    | "now"
    | "withContext"
    | "onlyContext"
    | "optional"
    | "flag"
    | "watch"
    | "later"
    | "upload"
    | "any"
    | "never"
    | "call"
  >();
  expectTypeOf(users.getUser).toEqualTypeOf<Call<{ id: string }, Promise<User | null>>>();
  expectTypeOf(users.now).toEqualTypeOf<(input?: undefined, options?: CallOptions) => Promise<number>>();
  expectTypeOf(users.withContext).toEqualTypeOf<Call<{ id: string }, Promise<User>>>();
  expectTypeOf(users.onlyContext).parameters.toEqualTypeOf<[input?: undefined, options?: CallOptions]>();
  expectTypeOf(users.optional).parameters.toEqualTypeOf<
    [input?: { like: string } | undefined, options?: CallOptions]
  >();
  expectTypeOf(users.flag).toEqualTypeOf<Call<boolean, Promise<void>>>();
  expectTypeOf(users.watch).toEqualTypeOf<Call<{ like: string }, AsyncIterable<User>>>();
  expectTypeOf(users.later()).toEqualTypeOf<AsyncIterable<User>>();
  expectTypeOf(users.upload).toEqualTypeOf<Call<AsyncIterable<User> | Iterable<User>, Promise<number>>>();
  expectTypeOf(users.any).returns.toEqualTypeOf<Promise<any>>();
  expectTypeOf(users.never()).toEqualTypeOf<Promise<never>>();
  void users.now(undefined, { timeoutMs: 5 });
  void users.optional(undefined, { timeoutMs: 5 });
});

test("the same road by name", () => {
  expectTypeOf(users.call("getUser", { id: "1" })).toEqualTypeOf<Promise<User | null>>();
  expectTypeOf(users.call("now")).toEqualTypeOf<Promise<number>>();
  expectTypeOf(users.call("watch", { like: "" }, { timeoutMs: 5 })).toEqualTypeOf<AsyncIterable<User>>();
  // @ts-expect-error method
  void users.call("nope");
  // @ts-expect-error argument
  void users.call("getUser", { id: 1 });
  // @ts-expect-error missing argument
  void users.call("getUser");
  // @ts-expect-error private
  void users.call("secret");
  // @ts-expect-error internal
  void users.call("size");
});

test("typos do not compile", () => {
  // @ts-expect-error method
  void users.getUsr;
  // @ts-expect-error argument
  void users.getUser({ id: 1 });
  // @ts-expect-error its name
  void users.getUser({ ID: "1" });
  // @ts-expect-error missing argument
  void users.getUser();
  // @ts-expect-error an argument where there is none
  void users.now(5);
  // @ts-expect-error option
  void users.getUser({ id: "" }, { timeout: 5 });
  // @ts-expect-error result
  void users.getUser({ id: "" }).then((u) => u?.nmae);
  // @ts-expect-error a stream is no promise
  void users.watch({ like: "" }).then;
  // @ts-expect-error an item
  void users.upload([{ id: 1 }]);
  // @ts-expect-error lifecycle
  void users.onStart;
  // @ts-expect-error protected
  void users.guarded;
});

interface Contract {
  get(input: { id: string }): Promise<User>;
  list(): AsyncIterable<User>;
}

test("an interface will do", () => {
  const client = undefined as unknown as ServiceClient<Contract>;
  expectTypeOf(client.get).toEqualTypeOf<Call<{ id: string }, Promise<User>>>();
  expectTypeOf(client.list()).toEqualTypeOf<AsyncIterable<User>>();
});

test("client.service()", () => {
  const contract = defineService("order", { place: unary<string, number>() });
  const client = undefined as unknown as Client<{ user: UserService; order: typeof contract }>;
  expectTypeOf(client.service("user").getUser({ id: "" })).toEqualTypeOf<Promise<User | null>>();
  expectTypeOf(client.service("order").place("")).toEqualTypeOf<Promise<number>>();
  expectTypeOf(client.service(contract).place("")).toEqualTypeOf<Promise<number>>();
  expectTypeOf(client.service<typeof contract>("order").place("")).toEqualTypeOf<Promise<number>>();
  expectTypeOf(client.service<Contract>("other").get({ id: "" })).toEqualTypeOf<Promise<User>>();
  // @ts-expect-error service
  void client.service("usr").getUser({ id: "" });
  // @ts-expect-error another service's method
  void client.service("order").getUser;
  // @ts-expect-error option
  client.service("user", { timeoutms: 5 });
});

test("of a service that nothing is known of, tools call any method", async () => {
  const client = undefined as unknown as ServiceClient<any>;
  expectTypeOf(await client.call("whatever", 5)).toEqualTypeOf<unknown>();
  for await (const item of client.call("whatever")) expectTypeOf(item).toEqualTypeOf<unknown>();
});
