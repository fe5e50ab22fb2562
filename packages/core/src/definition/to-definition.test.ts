import { describe, expect, test } from "vitest";
import type { CallContext } from "../context.ts";
import { Rpc, Service } from "./decorators.ts";
import { toDefinition } from "./to-definition.ts";

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
  const named = (name: string): (() => object) => {
    @Service("x")
    class Named {
      @Rpc({ name }) method(): void {}
    }
    return () => new Named();
  };
  test.each([
    "call",
    "then",
    "catch",
    "finally",
    "constructor",
    "prototype",
    "__proto__",
    "toString",
    "toJSON",
    "valueOf",
    "hasOwnProperty",
    "onStart",
    "onStop",
  ])("the reserved name %j", (name) => {
    expect(refused(named(name))).toBe(
      `Named.method: "${name}" is reserved: give the endpoint another name, as in @Rpc({ name: "${name}It" })`,
    );
  });
  test.each(["$describe", "a b", "", "1st", "a/b", "ä", "x".repeat(129)])("the name %j", (name) => {
    expect(refused(named(name))).toBe(
      `Named.method: ${JSON.stringify(name.slice(0, 80))} cannot be an endpoint's name: use up to 128 letters, digits, "_", "-" and dots, beginning with a letter`,
    );
  });
  test("a method that has a reserved name itself", () => {
    @Service("x")
    class Hooked {
      @Rpc() onStart(): void {}
    }
    expect(refused(() => new Hooked())).toMatch(/^Hooked\.onStart: "onStart" is reserved: /);
  });
  test("@Rpc twice", () => {
    @Service("x")
    class Double {
      @Rpc() @Rpc({ idempotent: true }) run(): void {}
    }
    expect(refused(() => new Double())).toBe("Double: @Rpc is on run twice: once is enough");
  });
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
      'Empty has no endpoints: put @Rpc() on the methods that callers may call, or @On("user.created") on those that handle events',
    );
    expect(refused(() => new Bare())).toBe(
      "Bare is not a service: put @Service() on its class, or build it with defineService()",
    );
    expect(refused(() => Empty)).toBe("Empty is a class: serve an instance of it, as in serve(new Empty())");
    expect(refused(() => ({}))).toMatch(/^Object is not a service/);
    expect(refused(() => Object.create(null))).toMatch(/^an object is not a service/);
    expect(refused(() => "user" as never)).toBe(
      "user cannot be served: give an instance of a class with @Service()",
    );
  });
  test.each(["", "a/b", "a b", ".", "..", "a..b", "-a", "a-", "User", "ü", "a\n", "x".repeat(64)])(
    "the service name %j",
    (name) => {
      @Service(name)
      class Odd extends Base {}
      expect(refused(() => new Odd())).toMatch(
        /^Odd: the service name ".*" cannot be a key in a registry: use up to 63 small letters, /,
      );
    },
  );
  test.each(["", "1/2", "^1", "1 2"])("the version %j", (version) => {
    @Service("x", { version })
    class Odd extends Base {}
    expect(refused(() => new Odd())).toMatch(/^Odd: the version ".*" cannot be a key in a registry: use/);
  });
  test.each([
    [{ timeoutMs: -1 }, "has timeoutMs -1: give milliseconds above 0 and at most 2147483647"],
    [{ timeoutMs: "5s" }, "has timeoutMs 5s: give milliseconds above 0 and at most 2147483647"],
    [{ timeoutMs: Infinity }, "has timeoutMs Infinity: give milliseconds above 0 and at most 2147483647"],
    [{ kind: "odd" }, 'has kind "odd": give one of unary, server-stream, client-stream, bidi-stream'],
    [{ priority: "high" }, 'has priority "high": give one of critical, normal, sheddable'],
    [{ idempotent: "yes" }, "has idempotent yes: give true or false"],
    [
      { input: { parse: () => 1 } },
      "has an input that is no Standard Schema: give one of zod, valibot, arktype or the like",
    ],
    [
      { output: "string" },
      "has an output that is no Standard Schema: give one of zod, valibot, arktype or the like",
    ],
    [{ errors: { GONE: {} } }, "has errors that defineErrors did not make: give what it returns"],
    [{ limits: 5 }, "has limits 5: give an object with concurrency, ratePerSecond, burst"],
    [{ limits: { rate: 5 } }, 'has an unknown limit "rate": there are concurrency, ratePerSecond, burst'],
    [{ limits: { concurrency: 0 } }, "has limits.concurrency 0: give a whole number of calls above 0"],
    [{ limits: { ratePerSecond: -1 } }, "has limits.ratePerSecond -1: give calls a second, above 0"],
    [{ limits: { ratePerSecond: 1, burst: 0 } }, "has limits.burst 0: give a number of calls, at least 1"],
    [{ limits: { burst: 5 } }, "has limits.burst without limits.ratePerSecond: give both"],
    [
      { retry: 1 },
      'has an unknown option "retry": there are name, kind, idempotent, timeoutMs, input, output, errors, priority, limits',
    ],
  ])("the option %j", (options, fault) => {
    @Service("x")
    class Wrong {
      @((Rpc as any)(options)) run(): void {}
    }
    expect(refused(() => new Wrong())).toBe(`Wrong.run ${fault}`);
  });
  test("decorators without parentheses, at once", () => {
    expect(() => {
      class Bare {
        @(Rpc as any) run(): void {}
      }
      return Bare;
    }).toThrow("@Rpc needs parentheses: @Rpc()");
    expect(() => {
      @(Service as any)
      class Bare {}
      return Bare;
    }).toThrow("@Service needs parentheses: @Service()");
  });
  test("options of @Service, at once", () => {
    expect(() => Service({ name: "user" } as object)).toThrow(
      '@Service has no option "name": write @Service("name", { version })',
    );
  });
});

test("a stream from a method of one answer is named, where types did not look", () => {
  @Service("x")
  class Plain {
    @(Rpc() as any) watch(): AsyncIterable<number> {
      return (async function* () {})();
    }
    @Rpc() one(): number {
      return 1;
    }
    @Rpc() nothing(): void {}
  }
  const { endpoints } = toDefinition(new Plain());
  const call = (name: string) => endpoints.get(name)?.handler(undefined, {} as CallContext);
  expect(() => call("watch")).toThrow(
    new TypeError('Plain.watch returned a stream: its kind has to be "server-stream" or "bidi-stream"'),
  );
  expect(call("one")).toBe(1);
  expect(call("nothing")).toBeUndefined();
});

test("an override counts as decorated as what it overrides; the kind is its own", () => {
  class Parent {
    @Rpc() list(): unknown {
      return [];
    }
  }
  @Service("x")
  class Child extends Parent {
    override async *list(): AsyncGenerator<number> {
      yield 1;
    }
  }
  expect(toDefinition(new Child()).endpoints.get("list")?.kind).toBe("server-stream");
});

test("undecorated: inherited ones are named, private ones, accessors, hooks and what any object has are not", () => {
  class Parent extends Base {
    inherited(): void {}
  }
  @Service("x")
  class Child extends Parent {
    readonly field = (): void => {};
    static helper(): void {}
    get value(): number {
      return 1;
    }
    _hidden(): void {}
    #secret(): void {}
    onStart(): void {
      this.#secret();
    }
    onStop(): void {}
    toJSON(): void {}
    toString(): string {
      return "";
    }
    [Symbol.iterator](): void {}
    own(): void {}
  }
  expect(toDefinition(new Child()).warnings.map((line) => line.split(" ")[0])).toEqual([
    "Child.own",
    "Child.inherited",
  ]);
});

test("a class without a name of its own takes its base's, with its endpoints", () => {
  @Service()
  class PaymentService extends Base {}
  class Card extends PaymentService {
    @Rpc() pay(): void {}
  }
  const card = toDefinition(new Card());
  expect([card.name, card.label]).toEqual(["payment", "Card"]);
  expect([...card.endpoints.keys()]).toEqual(["ping", "replaced", "pay"]);
  expect([...toDefinition(new PaymentService()).endpoints.keys()]).toEqual(["ping", "replaced"]);
});
