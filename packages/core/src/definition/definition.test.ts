import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import type { CallContext } from "../context.ts";
import { defineErrors } from "../errors/define-errors.ts";
import { RpcError } from "../errors/rpc-error.ts";
import { Rpc, Service } from "./decorators.ts";
import { defineService, serverStream, unary } from "./define-service.ts";
import { toDefinition } from "./to-definition.ts";
import { validateInput, validateOutput } from "./validate.ts";

class Base {
  @Rpc() ping(): string {
    return "pong";
  }
  @Rpc() replaced(): string {
    return "base";
  }
}

@Service("user", { version: "2.0.0" })
class Users extends Base {
  readonly #prefix = "u-";
  @Rpc({ name: "get", timeoutMs: 500, idempotent: true, priority: "critical" })
  async getUser({ id }: { id: string }, ctx: CallContext): Promise<string> {
    return this.#prefix + id + ctx.method;
  }
  @Rpc() async *watch(): AsyncGenerator<number> {
    yield 1;
  }
  @Rpc({ idempotent: true }) override replaced(): string {
    return "derived";
  }
  helper(): void {}
  onStart(): string {
    return `started ${this.#prefix}`;
  }
}

class Sibling extends Base {
  @Rpc() only(): void {}
}

test("a decorated class: endpoints, options, inheritance, the instance behind them", async () => {
  const d = toDefinition(new Users());
  expect([d.name, d.version, d.label]).toEqual(["user", "2.0.0", "Users"]);
  expect([...d.endpoints.keys()].sort()).toEqual(["get", "ping", "replaced", "watch"]);
  expect(d.endpoints.get("get")).toMatchObject({
    kind: "unary",
    timeoutMs: 500,
    idempotent: true,
    priority: "critical",
  });
  expect(d.endpoints.get("watch")?.kind).toBe("server-stream");
  expect(d.endpoints.get("replaced")?.idempotent).toBe(true);
  expect(await d.endpoints.get("get")?.handler({ id: "1" }, { method: "!" } as CallContext)).toBe("u-1!");
  expect(d.endpoints.get("replaced")?.handler(undefined, {} as CallContext)).toBe("derived");
  expect(d.onStart?.()).toBe("started u-");
  expect(d.onStop).toBeUndefined();
  expect(d.warnings).toEqual([
    "Users.helper is public and has no @Rpc(): callers cannot call it (decorate it, or call it #helper or _helper)",
  ]);
});

test("siblings do not see each other's endpoints", () => {
  @Service("sibling")
  class Named extends Sibling {}
  expect([...toDefinition(new Named()).endpoints.keys()].sort()).toEqual(["only", "ping", "replaced"]);
});

test("without a name: the class's own", () => {
  @Service()
  class UserProfileService extends Base {}
  @Service({ version: "1.0.0" })
  class HTTPGate extends Base {}
  expect(toDefinition(new UserProfileService())).toMatchObject({ name: "user-profile", version: "0.0.0" });
  expect(toDefinition(new HTTPGate())).toMatchObject({ name: "http-gate", version: "1.0.0" });
});

describe("refused, naming class, method and remedy", () => {
  const refused = (make: () => object): string => {
    try {
      toDefinition(make());
    } catch (error) {
      expect(error).toBeInstanceOf(TypeError);
      return (error as Error).message;
    }
    return "accepted";
  };
  test("a method name twice", () => {
    @Service("x")
    class Twice extends Base {
      @Rpc({ name: "ping" }) other(): void {}
    }
    expect(refused(() => new Twice())).toBe(
      'Twice: ping and other are both "ping": give one of them another name',
    );
  });
  test.each(["call", "then", "constructor", "toJSON", "__proto__", "$describe", "a b", ""])(
    "the name %j",
    (name) => {
      @Service("x")
      class Named {
        @Rpc({ name }) method(): void {}
      }
      expect(refused(() => new Named())).toMatch(
        /^Named\.method: .*("|')?.*(is reserved: give the endpoint another name|cannot be an endpoint's name: use)/,
      );
    },
  );
  test("static, private, accessor, field, symbol", () => {
    const any = Rpc as any;
    expect(
      refused(() => {
        @Service("x")
        class Static extends Base {
          @any() static s(): void {}
        }
        return new Static();
      }),
    ).toBe("Static: @Rpc is on the static method s: make it a method of the instance");
    expect(
      refused(() => {
        @Service("x")
        class Private extends Base {
          @any() #p(): void {}
          p(): void {
            this.#p();
          }
        }
        return new Private();
      }),
    ).toBe("Private: @Rpc is on the private method #p: make it public");
    expect(
      refused(() => {
        @Service("x")
        class Getter extends Base {
          @any() get g(): number {
            return 1;
          }
        }
        return new Getter();
      }),
    ).toBe("Getter: @Rpc is on g, which is a getter: it belongs on a method");
    expect(
      refused(() => {
        @Service("x")
        class Field extends Base {
          @any() f = 1;
        }
        return new Field();
      }),
    ).toBe("Field: @Rpc is on f, which is a field: it belongs on a method");
    expect(
      refused(() => {
        const s = Symbol("odd");
        @Service("x")
        class Sym extends Base {
          @any() [s](): void {}
        }
        return new Sym();
      }),
    ).toBe("Sym: @Rpc is on Symbol(odd): an endpoint needs a name that is a string");
  });
  test("no endpoints, no decorator, a class instead of an instance", () => {
    @Service("x")
    class Empty {}
    class Bare extends Base {}
    expect(refused(() => new Empty())).toBe(
      "Empty has no endpoints: put @Rpc() on the methods that callers may call",
    );
    expect(refused(() => new Bare())).toBe(
      "Bare is not a service: put @Service() on its class, or build it with defineService()",
    );
    expect(refused(() => Empty)).toBe("Empty is a class: serve an instance of it, as in serve(new Empty())");
    expect(refused(() => ({}))).toMatch(/^Object is not a service/);
  });
  test.each(["", "a/b", "a b", ".", "..", "a..b", "-a", "ü", "x".repeat(64)])(
    "the service name %j",
    (name) => {
      @Service(name)
      class Odd extends Base {}
      expect(refused(() => new Odd())).toMatch(
        /^Odd: the service name ".*" cannot be a key in a registry: use/,
      );
    },
  );
  test.each(["", "1/2", "^1", "1 2"])("the version %j", (version) => {
    @Service("x", { version })
    class Odd extends Base {}
    expect(refused(() => new Odd())).toMatch(/^Odd: the version ".*" cannot be a key in a registry: use/);
  });
  test("options", () => {
    const any = Rpc as any;
    @Service("x")
    class Slow {
      @any({ timeoutMs: -1 }) run(): void {}
    }
    @Service("x")
    class Kind {
      @any({ kind: "odd" }) run(): void {}
    }
    @Service("x")
    class Unknown {
      @any({ retry: 1 }) run(): void {}
    }
    expect(refused(() => new Slow())).toBe(
      "Slow.run has timeoutMs -1: give milliseconds above 0 and at most 2147483647",
    );
    expect(refused(() => new Kind())).toBe(
      'Kind.run has kind "odd": give one of unary, server-stream, client-stream, bidi-stream',
    );
    expect(refused(() => new Unknown())).toMatch(/^Unknown\.run has an unknown option "retry": there are/);
  });
});

describe("without decorators", () => {
  const contract = defineService(
    "user",
    { get: unary<{ id: string }, string>({ idempotent: true }), watch: serverStream<void, number>() },
    { version: "1.2.0" },
  );
  test("handlers in place", () => {
    const d = toDefinition(defineService("echo", { echo: unary(async (x: string) => x) }));
    expect(d.endpoints.get("echo")).toMatchObject({ kind: "unary", idempotent: false });
  });
  test("a contract alone is not served", () => {
    expect(() => toDefinition(contract)).toThrow(
      'defineService("user"): get has no handler: serve what implement({ get: … }) returns, or a class with @Service(contract)',
    );
  });
  test("implemented by an object, and by a class without @Rpc", () => {
    const object = toDefinition(
      contract.implement({ get: async ({ id }) => id, watch: async function* () {} }),
    );
    @Service(contract)
    class Users {
      async get({ id }: { id: string }): Promise<string> {
        return id;
      }
      async *watch(): AsyncGenerator<number> {}
    }
    const fromClass = toDefinition(new Users());
    for (const d of [object, fromClass]) {
      expect([d.name, d.version]).toEqual(["user", "1.2.0"]);
      expect([...d.endpoints.values()].map((e) => [e.name, e.kind, e.idempotent])).toEqual([
        ["get", "unary", true],
        ["watch", "server-stream", false],
      ]);
    }
    @Service(contract)
    class Half {
      async get(): Promise<string> {
        return "";
      }
    }
    expect(() => toDefinition(new Half())).toThrow(
      "Half: watch is an endpoint of its contract and no method of it: write it",
    );
  });
});

describe.each([
  ["zod", z.object({ user: z.object({ tags: z.array(z.string()) }) })],
  ["valibot", v.object({ user: v.object({ tags: v.array(v.string()) }) })],
  ["arktype", type({ user: { tags: "string[]" } })],
])("schemas of %s", (_, schema) => {
  const endpoint = { name: "save", input: schema as never, output: schema as never };
  test("valid values pass", () =>
    expect(validateInput(endpoint, { user: { tags: ["a"] } })).toEqual({ user: { tags: ["a"] } }));
  test("invalid input names its fields", () => {
    let error: unknown;
    try {
      validateInput(endpoint, { user: { tags: ["a", 1] } });
    } catch (e) {
      error = e;
    }
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", executed: "no", retry: "none" });
    expect((error as RpcError).message).toMatch(/^invalid input for save: user\.tags\[1\]: /);
    expect((error as RpcError).details).toMatchObject({ issues: [{ path: "user.tags[1]" }] });
  });
  test("invalid output tells the caller nothing of it", () => {
    expect(() => validateOutput(endpoint, { user: 1 })).toThrow(
      "save returned what its output schema refuses",
    );
  });
});

test("asynchronous schemas", async () => {
  const schema = z.string().refine(async (s) => s === "ok");
  const endpoint = { name: "save", input: schema as never, output: undefined };
  expect(await validateInput(endpoint, "ok")).toBe("ok");
  await expect(validateInput(endpoint, "no")).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
});

test("typed errors are told apart by type and data, also when they came over the wire", () => {
  const errors = defineErrors({
    USER_GONE: { code: "NOT_FOUND", data: z.object({ id: z.string() }) },
    BUSY: {},
  });
  const thrown = errors.USER_GONE({ id: "7" });
  expect(thrown).toMatchObject({
    code: "NOT_FOUND",
    type: "USER_GONE",
    details: { id: "7" },
    message: "user gone",
  });
  expect(errors.USER_GONE.is(thrown)).toBe(true);
  expect(errors.BUSY.is(thrown)).toBe(false);
  expect(errors.BUSY().code).toBe("FAILED_PRECONDITION");
  expect(
    errors.USER_GONE.is(new RpcError("NOT_FOUND", "x", { type: "USER_GONE", details: { id: "7" } })),
  ).toBe(true);
  expect(errors.USER_GONE.is(new RpcError("NOT_FOUND", "x", { type: "USER_GONE", details: { id: 7 } }))).toBe(
    false,
  );
  expect(errors.USER_GONE.is(new Error("x"))).toBe(false);
  expect(() => defineErrors({ definitions: {} })).toThrow('"definitions" cannot be the name of an error');
});
