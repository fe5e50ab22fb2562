// The same text is in ../standard and ../legacy, for both kinds of decorators; emit.it.test.ts compiles it with each compiler.
import {
  type CallContext,
  defineService,
  type EventContext,
  type Handlers,
  On,
  Rpc,
  Service,
  toDefinition,
  unary,
} from "@skein/core";

// Where a decorator must not be, the compiler says so: here it is asked at run time.
const anywhere = Rpc as () => any;

const anywhereOn = On as (name: string) => any;

class Base {
  @Rpc() ping(): string {
    return "pong";
  }
  @Rpc({ timeoutMs: 100 }) replaced(): string {
    return "base";
  }
}

@Service("user", { version: "2.0.0" })
class UserService extends Base {
  readonly #prefix = "u-";
  @Rpc({ name: "get", idempotent: true, priority: "critical" })
  async getUser({ id }: { id: string }, ctx: CallContext): Promise<string> {
    return this.#prefix + id + ctx.method;
  }
  @Rpc() async *watch(): AsyncGenerator<string> {
    yield this.#prefix;
  }
  @Rpc({ kind: "client-stream" }) async upload(items: AsyncIterable<number>): Promise<number> {
    let sum = 0;
    for await (const n of items) sum += n;
    return sum;
  }
  @Rpc({ kind: "server-stream" }) later(): AsyncIterable<string> {
    return this.watch();
  }
  @Rpc({ idempotent: true }) override replaced(): string {
    return "derived";
  }
  helper(): void {}
}

@Service({ version: "1.0.0" })
class UserProfileService extends Base {
  @Rpc() own(): void {}
}

class Derived extends UserProfileService {
  @Rpc() more(): void {}
}

@Service("bare")
class Bare extends Base {}

const contract = defineService("greeter", { greet: unary<string, string>({ idempotent: true }) });
@Service(contract)
class Greeter implements Handlers<typeof contract> {
  async greet(name: string): Promise<string> {
    return `hello ${name}`;
  }
}

class Listener {
  readonly seen: string[] = [];
  @On("order.placed") @On("order.paid", { queue: "books" }) book(order: string): void {
    this.seen.push(order);
  }
  @On("replaced") replaced(): void {}
}
@Service("mail")
class Mailer extends Listener {
  readonly #prefix = "mail ";
  @Rpc() ping(): string {
    return "pong";
  }
  @On("user.*") async welcome(user: string, ctx: EventContext): Promise<void> {
    this.seen.push(this.#prefix + user + ctx.name);
  }
  @On("cache.>", { broadcast: true, concurrency: 1 }) forget(): void {}
  @On("new.name") override replaced(): void {}
}

@Service("x")
class OnStatic {
  @anywhereOn("a") static s(): void {}
}
@Service("x")
class OnField {
  @anywhereOn("a") f = 1;
}
@Service("x")
class OnTwice {
  @On("a.b") @On("a.b") twice(): void {}
}
@Service("x")
class OnOdd {
  @On("a b") odd(): void {}
}

@Service("x")
class Static {
  @anywhere() static s(): void {}
}
@Service("x")
class Getter {
  @anywhere() get g(): number {
    return 1;
  }
}
@Service("x")
class Field {
  @anywhere() f = 1;
}
const symbol = Symbol("odd");
@Service("x")
class Sym {
  @anywhere() [symbol](): void {}
}
@Service("x")
class Twice {
  @Rpc() @Rpc() twice(): void {}
}
@Service("x")
class Empty {}

/** What came of it, as JSON. */
export function summarize(): Record<string, unknown> {
  const user = toDefinition(new UserService());
  return {
    user: [user.name, user.version, user.label, user.warnings.length],
    endpoints: [...user.endpoints.values()].map((e) =>
      [e.name, e.kind, e.idempotent, e.priority, e.timeoutMs ?? "-"].join(" "),
    ),
    replaced: user.endpoints.get("replaced")?.handler(undefined, {} as CallContext),
    unnamed: described(new UserProfileService()),
    derived: described(new Derived()),
    bare: described(new Bare()),
    contract: described(new Greeter()),
    handlers: toDefinition(new Mailer()).handlers?.map((h) =>
      [h.label, h.name, h.queue ?? "-", h.concurrency].join(" "),
    ),
    misplaced: [OnStatic, OnField, OnTwice, OnOdd].map(refusal),
    refused: [Static, Getter, Field, Sym, Twice, Empty].map(refusal),
  };
}

export async function call(): Promise<unknown> {
  const mailer = new Mailer();
  const handlers = toDefinition(mailer).handlers ?? [];
  for (const { handle } of handlers) await handle("ann ", { name: "user.created" } as EventContext);
  const get = toDefinition(new UserService()).endpoints.get("get");
  return `${await get?.handler({ id: "1" }, { method: "!" } as CallContext)} ${mailer.seen.join(",")}`;
}

function described(instance: object): string {
  const { name, version, endpoints } = toDefinition(instance);
  return `${name}@${version}: ${[...endpoints.keys()].join(" ")}`;
}

function refusal(type: new () => object): string {
  try {
    return described(new type());
  } catch (error) {
    return (error as Error).message;
  }
}
