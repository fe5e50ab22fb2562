import { silentLogger } from "@skein/core";
import { type GrpcProtocolOptions, grpcProtocol } from "@skein/grpc/client";
import { type ClientOptions, createClient, defineErrors, Rpc, Service } from "skein";
import { describe, expect, test } from "vitest";
import { certificates } from "../../transport/src/test/certificates.ts";
import { ProtoDeskService, protoFile } from "./grpc-desk.ts";
import { DeskService, useGrpc } from "./grpc-world.ts";

const world = useGrpc();
const KINDS = { count: "server-stream", sum: "client-stream", echo: "bidi-stream" } as const;
const PROTOS = [{ service: "desk", file: protoFile }];

function client(how?: GrpcProtocolOptions, more: ClientOptions = {}) {
  const protocols = how === undefined ? [] : [grpcProtocol(how)];
  const made = createClient({ registry: world.registry, log: silentLogger, protocols, ...more });
  world.cleanup(() => made.close());
  return made;
}

async function* numbers(to: number): AsyncGenerator<{ n: number }> {
  for (let n = 1; n <= to; n++) yield { n };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

const Faults = defineErrors({
  SHUT: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
});

@Service("shop", { version: "1.0.0" })
class ShopService {
  calls = 0;
  @Rpc({ errors: Faults }) async buy({ n }: { n: number }): Promise<void> {
    this.calls++;
    throw Faults.SHUT({ until: n });
  }
}

describe("our own door, called over gRPC", () => {
  test("found in the registry, without anything said: JSON", async () => {
    await world.start([new DeskService()]);
    const desk = client().service<DeskService>("desk", { protocol: "grpc" });
    expect(await desk.greet({ name: "Ann" })).toEqual({ text: "Hello, Ann" });
    const about = await desk.call("about", {}, { timeoutMs: 15_000, metadata: { "x-tenant": "acme" } });
    expect(about.metadata).toEqual({ "x-tenant": "acme" });
    expect(about.left).toBeGreaterThan(10_000);
    expect(about.left).toBeLessThan(15_100);
  });

  test("the kinds of streams, as they are told", async () => {
    await world.start([new DeskService()]);
    const desk = client({ services: { desk: { kinds: KINDS } } }).service<DeskService>("desk", {
      protocol: "grpc",
    });
    const many = await all(desk.count({ to: 20_000 }));
    expect(many).toHaveLength(20_000);
    expect(many.at(-1)).toEqual({ n: 20_000 });
    expect(await desk.sum(numbers(100))).toEqual({ sum: 5050 });
    expect(await all(desk.echo(numbers(2)))).toEqual([{ echo: { n: 1 } }, { echo: { n: 2 } }]);
  });

  test("protobuf by the .proto, kinds included", async () => {
    await world.start([new ProtoDeskService()], { grpc: { protos: PROTOS } });
    const desk = client({ protos: PROTOS }).service<ProtoDeskService>("desk", { protocol: "grpc" });
    expect(await desk.greet({ name: "Ann" })).toMatchObject({
      text: "Hello, Ann",
      big: "9007199254740993",
      tone: "WARM",
      at: { seconds: "1700000000", nanos: 0 },
    });
    expect(await all(desk.count({ to: 3 }))).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(await desk.sum(numbers(100))).toEqual({ sum: 5050 });
    expect(await all(desk.echo(numbers(2)))).toEqual([{ n: 1 }, { n: 2 }]);
    const none = desk.call("great" as "greet", { name: "" });
    await expect(none).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
      message: "acme.desk.v1.DeskService has no method for great; did you mean Desk.Greet?",
    });
    await expect(desk.greet("Ann" as never)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      executed: "no",
      message: "/acme.desk.v1.DeskService/Greet takes a GreetRequest: give an object, not a string",
    });
  });

  test("errors as the handler threw them", async () => {
    const shop = new ShopService();
    await world.start([new DeskService(), shop], { authenticate: (given) => given === "key" });
    const caller = client(undefined, { credentials: "key" });
    const desk = caller.service<DeskService>("desk", { protocol: "grpc" });
    await expect(desk.fail()).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
      message: "no: 100 % nö",
      executed: "yes",
      type: "DESK_SHUT",
      details: { until: [1, "x", true, null] },
    });
    const bought = await caller
      .service<ShopService>("shop", { protocol: "grpc" })
      .buy({ n: 7 })
      .then(
        () => undefined,
        (e: unknown) => e,
      );
    expect(Faults.SHUT.is(bought) && bought.details).toEqual({ until: 7 });
    expect(shop.calls).toBe(1);
    const stranger = client().service<DeskService>("desk", { protocol: "grpc" });
    await expect(stranger.greet({ name: "x" })).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      executed: "no",
    });
    await expect(desk.call("great" as "greet", { name: "" })).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
      message: expect.stringContaining("nothing is served at /desk.Desk/Great"),
    });
  });

  test("a deadline, a signal and a reader that leaves abort the handler", async () => {
    const desk = new DeskService();
    await world.start([desk]);
    const calls = client({ services: { desk: { kinds: KINDS } } }).service<DeskService>("desk", {
      protocol: "grpc",
    });
    await calls.greet({ name: "warm" });
    const late = calls.call("wait", { ms: 9000 }, { timeoutMs: 1000 });
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
    await expect.poll(() => desk.aborted.length).toBe(1);
    const abort = new AbortController();
    const given = calls.call("wait", { ms: 9000 }, { signal: abort.signal });
    await expect.poll(() => desk.running).toBe(2);
    abort.abort();
    await expect(given).rejects.toMatchObject({ code: "CANCELLED" });
    await expect.poll(() => desk.aborted.length).toBe(2);
    for await (const _ of calls.count({ to: 1e9 })) break;
    await expect.poll(() => desk.aborted.length).toBe(3);
  });

  test.each(["", "tcp://", "grpc://", "localhost"])("at a static address %shost:port", async (scheme) => {
    const app = await world.start([new DeskService()]);
    const { host, port } = new URL(app.address);
    const at = scheme === "localhost" ? `localhost:${port}` : `${scheme}${host}`;
    const desk = client(undefined, { registry: `static://desk=${at}` }).service<DeskService>("desk", {
      protocol: "grpc",
    });
    expect(await desk.greet({ name: "Bo" })).toEqual({ text: "Hello, Bo" });
  });

  test("over TLS: asked for by the address or by the option; a stranger's certificate is refused", async () => {
    const app = await world.start([new DeskService()], { tls: certificates.server, selfDial: "off" });
    const { port } = new URL(app.address);
    const ca = certificates.server.ca as string;
    const greet = (address: string, how: GrpcProtocolOptions) =>
      client(how, { registry: `static://desk=${address}` })
        .service<DeskService>("desk", { protocol: "grpc" })
        .call("greet", { name: "Ann" }, { timeoutMs: 5000 });
    for (const address of [`localhost:${port}`, `grpcs://localhost:${port}`])
      expect(await greet(address, { tls: { ca } })).toEqual({ text: "Hello, Ann" });
    expect(await greet(`127.0.0.1:${port}`, { tls: { ca, servername: "localhost" } })).toEqual({
      text: "Hello, Ann",
    });
    const refused = { code: "UNAVAILABLE", executed: "no" };
    await expect(greet(`grpcs://localhost:${port}`, {})).rejects.toMatchObject(refused);
    await expect(greet(`localhost:${port}`, {})).rejects.toMatchObject(refused);
  });

  test("servers restart in turn under calls that may not run twice: none fails, none runs twice", async () => {
    const executions = new Map<number, number>();
    @Service("counter", { version: "1.0.0" })
    class CounterService {
      @Rpc() async count({ n }: { n: number }): Promise<number> {
        executions.set(n, (executions.get(n) ?? 0) + 1);
        if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
        return n;
      }
    }
    const start = () => world.start([new CounterService()]);
    const apps = [await start(), await start()];
    const counter = client().service<CounterService>("counter", { protocol: "grpc" });
    let next = 0;
    let calling = true;
    const failures: unknown[] = [];
    const callOn = async (): Promise<void> => {
      while (calling) await counter.count({ n: ++next }).catch((error: unknown) => failures.push(error));
    };
    const running = Array.from({ length: 6 }, callOn);
    for (let round = 0; round < 4; round++) {
      const until = next + 100;
      await expect.poll(() => next, { timeout: 10_000 }).toBeGreaterThan(until);
      apps.push(await start());
      await apps.shift()?.close();
    }
    calling = false;
    await Promise.all(running);
    expect(failures).toEqual([]);
    expect(executions.size).toBe(next);
    expect([...executions].filter(([, times]) => times !== 1)).toEqual([]);
  }, 60_000);
});

test.each([
  [
    { protos: [{ service: "desk", file: "/nowhere.proto" }] },
    "grpcProtocol: option protos: /nowhere.proto of service desk cannot be loaded",
  ],
  [{ protos: [...PROTOS, ...PROTOS] }, "grpcProtocol: option protos has service desk twice: remove one"],
])("options that are wrong are refused when the protocol is made", (options, message) =>
  expect(() => grpcProtocol(options)).toThrow(message),
);
