import { expect, test } from "vitest";
import { defineEvents } from "../events/define-events.ts";
import type { EventContext } from "../events/event-context.ts";
import type { StandardSchema } from "../schema.ts";
import { Rpc, Service } from "./decorators.ts";
import { defineService, unary } from "./define-service.ts";
import { On } from "./on.ts";
import { toDefinition } from "./to-definition.ts";

const refused = (target: object): string => {
  try {
    toDefinition(target);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  return "not refused";
};

test("handlers alone make a service; they are no endpoints, and nothing that was forgotten", () => {
  @Service("mail")
  class Mail {
    @On("user.created") welcome(): void {}
    helper(): void {}
  }
  const { endpoints, handlers, warnings } = toDefinition(new Mail());
  expect([...endpoints.keys()]).toEqual([]);
  expect(handlers).toMatchObject([
    { name: "user.created", queue: "mail", label: "Mail.welcome", concurrency: 64, from: "new" },
  ]);
  expect(warnings.map((line) => line.split(" ")[0])).toEqual(["Mail.helper"]);
});

test("a class without any has none", () => {
  @Service("user")
  class User {
    @Rpc() get(): void {}
  }
  expect("handlers" in toDefinition(new User())).toBe(false);
});

test("a method may be both; a class of a contract may handle events", () => {
  const contract = defineService("greeter", { greet: unary<string, void>() });
  @Service(contract)
  class Greeter {
    greet(_: string): void {}
    @On("user.created") other(): void {}
  }
  @Service("both")
  class Both {
    @Rpc() @On("user.created") add(_: { id: string }): void {}
  }
  expect(toDefinition(new Greeter()).handlers?.[0]?.queue).toBe("greeter");
  const both = toDefinition(new Both());
  expect([both.handlers?.length, [...both.endpoints.keys()]]).toEqual([1, ["add"]]);
});

test("what a derived class says of a method replaces what its base said; else it is inherited, and calls what overrides", async () => {
  const seen: string[] = [];
  class Base {
    @On("a") one(): void {}
    @On("b") two(): void {}
  }
  @Service("derived")
  class Derived extends Base {
    @On("c", { broadcast: true }) override one(): void {}
    override two(): void {
      seen.push("derived");
    }
  }
  const handlers = toDefinition(new Derived()).handlers ?? [];
  expect(handlers.map(({ name, queue }) => [name, queue])).toEqual([
    ["c", undefined],
    ["b", "derived"],
  ]);
  await handlers[1]?.handle(undefined, {} as EventContext);
  expect(seen).toEqual(["derived"]);
});

test("one queue's names that overlap are fine, and so is one name in several queues; twice the same is refused", () => {
  @Service("good")
  class Good {
    @On("user.created") one(): void {}
    @On("user.*") two(): void {}
    @On("user.created", { queue: "other" }) three(): void {}
    @On("user.created", { broadcast: true }) four(): void {}
    @On("user.created", { broadcast: true }) five(): void {}
  }
  expect(toDefinition(new Good()).handlers?.length).toBe(5);
  @Service("audit")
  class Bad {
    @On("user.created") first(): void {}
    @On("user.created", { queue: "audit" }) second(): void {}
  }
  expect(refused(new Bad())).toBe(
    'Bad.second and Bad.first take "user.created" in the queue "audit", where one of them would get each: give one a queue of its own, as in @On("user.created", { queue: "audit-second" })',
  );
});

test("a schema comes along", () => {
  const schema = {
    "~standard": { version: 1, vendor: "x", validate: (value: unknown) => ({ value }) },
  } as StandardSchema;
  const Events = defineEvents({ "order.placed": schema });
  @Service("x")
  class X {
    @On(Events["order.placed"], { from: new Date(7), concurrency: 2 }) placed(): void {}
  }
  expect(toDefinition(new X()).handlers).toMatchObject([
    { name: "order.placed", schema, from: 7, concurrency: 2 },
  ]);
});

test.each([
  [
    { queue: "a", broadcast: true },
    "broadcast means that everyone gets each event, and a queue that one does",
  ],
  [{ broadcast: "yes" }, "broadcast is yes: give true or false"],
  [{ queue: "a b" }, '"a b" cannot be a queue\'s name'],
  [{ concurrency: 1.5 }, "concurrency is 1.5: give a whole number of handlers from 1 to 100000"],
  [{ from: "yesterday" }, 'from is yesterday: give "new", "all", or a time'],
  [{ group: "x" }, 'there is no option "group": there are queue, concurrency, from, broadcast'],
])("%j is refused, with class and method", (options, message) => {
  @Service("x")
  class X {
    @On("a", options as object) handler(): void {}
  }
  expect(refused(new X())).toContain(`X: @On of handler: ${message}`);
});

test("a method that the instance hides is refused; so is @On without a name, at once", () => {
  @Service("x")
  class X {
    constructor() {
      Object.defineProperty(this, "handler", { value: 5 });
    }
    @On("a") handler(): void {}
  }
  expect(refused(new X())).toBe("X.handler handles events and is no method any more: the instance hides it");
  expect(() => (On as unknown as () => void)()).toThrow(
    '@On needs the name of an event: @On("user.created")',
  );
});

test("events without a name or a schema that are ones are refused", () => {
  expect(() => defineEvents({ "a b": {} as never })).toThrow(
    'defineEvents: "a b" cannot be an event\'s name',
  );
  expect(() => defineEvents({ a: {} as never })).toThrow('defineEvents: "a" has no Standard Schema');
});
