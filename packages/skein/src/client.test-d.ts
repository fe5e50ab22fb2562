import {
  type CallContext,
  type Client,
  createClient,
  defineService,
  Rpc,
  Service,
  serve,
  unary,
} from "skein";
import { expectTypeOf, test } from "vitest";

interface Item {
  readonly sku: string;
}

@Service("type-tested")
class TypeTestedService {
  @Rpc() async find(input: { sku: string }, _ctx: CallContext): Promise<Item> {
    return input;
  }
  @Rpc() async *all(_: { like: string }): AsyncGenerator<Item> {}
}

declare module "skein" {
  interface Services {
    "type-tested": TypeTestedService;
  }
}

test("a declared service is typed by its name alone", () => {
  expectTypeOf(createClient).returns.toEqualTypeOf<Client>();
  const call = (client: Client) => {
    const items = client.service("type-tested");
    expectTypeOf(items.find).parameter(0).toEqualTypeOf<{ sku: string }>();
    expectTypeOf(items.find({ sku: "1" })).toEqualTypeOf<Promise<Item>>();
    expectTypeOf(items.all({ like: "" })).toEqualTypeOf<AsyncIterable<Item>>();
    expectTypeOf(items.call("find", { sku: "1" })).toEqualTypeOf<Promise<Item>>();
    // @ts-expect-error no such method
    items.fnd({ sku: "1" });
    // @ts-expect-error a wrong argument
    items.find({ sku: 1 });
    // @ts-expect-error no such method by name either
    items.call("fnd", { sku: "1" });
    // @ts-expect-error the result has no such field
    void items.find({ sku: "1" }).then((item) => item.price);
    const byType = client.service<TypeTestedService>("another-name");
    expectTypeOf(byType.find({ sku: "1" })).toEqualTypeOf<Promise<Item>>();
  };
  expectTypeOf(call).toBeFunction();
});

const contract = defineService("type-tested-contract", { ping: unary<undefined, string>() });

test("options of serve and createClient", () => {
  const service = new TypeTestedService();
  const start = () => [
    serve(service, { registry: "memory:", ttl: "30s", log: "debug" }),
    serve(service, service, service, { listen: "tcp://0.0.0.0:80" }),
    serve(service, service, service, service, { listen: "tcp://0.0.0.0:80" }),
    serve(...[service, service]),
    serve(...([service] as object[])),
    serve(...[service, service], { registry: "memory:" }),
    serve(contract.implement({ ping: () => "pong" }), { registry: "memory:" }),
    createClient({ timeoutMs: 100, selector: "round-robin", version: "^1" }),
    // @ts-expect-error no such option
    serve(service, { registri: "memory:" }),
    // @ts-expect-error no such option among others
    serve(service, { registry: "memory:", registri: "memory:" }),
    // @ts-expect-error a wrong value
    serve(service, { registry: 1 }),
    // @ts-expect-error a wrong value behind several
    serve(service, service, service, { registry: 1 }),
    // @ts-expect-error no such option
    createClient({ timeout: 100 }),
    // @ts-expect-error no such selector
    createClient({ selector: "best" }),
  ];
  expectTypeOf(start).toBeFunction();
});
