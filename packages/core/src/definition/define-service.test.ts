import { expect, test } from "vitest";
import { Rpc, Service } from "./decorators.ts";
import { bidiStream, clientStream, defineService, serverStream, unary } from "./define-service.ts";
import { toDefinition } from "./to-definition.ts";

const contract = defineService(
  "user",
  { get: unary<{ id: string }, string>({ idempotent: true }), watch: serverStream<void, number>() },
  { version: "1.2.0" },
);

test("handlers in place; kinds by their builders", async () => {
  const d = toDefinition(
    defineService("echo", {
      echo: unary({ timeoutMs: 100, priority: "sheddable" }, async (x: string) => x),
      count: serverStream(async function* () {}),
      sum: clientStream(async (_: AsyncIterable<number>) => 0),
      chat: bidiStream(async function* (_: AsyncIterable<number>) {}),
    }),
  );
  expect([d.name, d.version, d.label, d.warnings]).toEqual(["echo", "0.0.0", 'defineService("echo")', []]);
  expect([...d.endpoints.values()].map((e) => `${e.name} ${e.kind} ${e.priority} ${e.timeoutMs}`)).toEqual([
    "echo unary sheddable 100",
    "count server-stream normal undefined",
    "sum client-stream normal undefined",
    "chat bidi-stream normal undefined",
  ]);
  expect(await d.endpoints.get("echo")?.handler("x", {} as never)).toBe("x");
});

test("implemented by an object, and by a class without @Rpc", async () => {
  const object = toDefinition(
    contract.implement({ get: async ({ id }) => id, watch: async function* () {} }),
  );
  @Service(contract)
  class Users {
    readonly #prefix = "";
    async get({ id }: { id: string }): Promise<string> {
      return this.#prefix + id;
    }
    async *watch(): AsyncGenerator<number> {}
    more(): void {}
  }
  const fromClass = toDefinition(new Users());
  for (const d of [object, fromClass]) {
    expect([d.name, d.version]).toEqual(["user", "1.2.0"]);
    expect([...d.endpoints.values()].map((e) => [e.name, e.kind, e.idempotent])).toEqual([
      ["get", "unary", true],
      ["watch", "server-stream", false],
    ]);
    expect(await d.endpoints.get("get")?.handler({ id: "7" }, {} as never)).toBe("7");
  }
  expect(fromClass.warnings).toEqual([
    "Users.more is public and not in its contract: callers cannot call it (put it there, or call it #more or _more)",
  ]);
});

test("the contract stays without handlers when it is implemented", () => {
  contract.implement({ get: async ({ id }) => id, watch: async function* () {} });
  expect(() => toDefinition(contract)).toThrow(
    'defineService("user"): get has no handler: serve what implement({ get: … }) returns, or a class with @Service(contract)',
  );
});

test("refused: a class that lacks a method, or decorates one", () => {
  class Half {
    async get(): Promise<string> {
      return "";
    }
  }
  class Decorated extends Half {
    @Rpc() extra(): void {}
  }
  const service = Service(contract) as unknown as (type: object) => void;
  service(Half);
  service(Decorated);
  expect(() => toDefinition(new Half())).toThrow(
    "Half: watch is an endpoint of its contract and no method of it: write it",
  );
  expect(() => toDefinition(new Decorated())).toThrow(
    "Decorated.extra has @Rpc and its class a contract: what the contract says of extra holds; take @Rpc away",
  );
});

test("refused: handlers of no endpoint, reserved names, odd names, no endpoints", () => {
  expect(() =>
    contract.implement({ get: async () => "", watch: async function* () {}, gte: 1 } as never),
  ).toThrow('defineService("user").implement: gte is no endpoint of it: there are get, watch');
  expect(() => toDefinition(contract.implement({ get: async () => "" } as never))).toThrow(
    'defineService("user"): watch has no handler',
  );
  expect(() => toDefinition(defineService("x", { call: unary(() => 1) }))).toThrow(
    'defineService("x"): call: "call" is reserved: give the endpoint another name',
  );
  expect(() => toDefinition(defineService("X", { a: unary(() => 1) }))).toThrow(
    'defineService("X"): the service name "X" cannot be a key in a registry: use',
  );
  expect(() => toDefinition(defineService("x", {}))).toThrow('defineService("x") has no endpoints');
  expect(() => toDefinition(defineService("x", { a: unary({ timeoutMs: 0 }, () => 1) }))).toThrow(
    'defineService("x"): a has timeoutMs 0: give milliseconds above 0',
  );
});
