import { once } from "node:events";
import { connect } from "node:net";
import { inflateSync } from "node:zlib";
import { type Logger, type RpcError, silentLogger } from "@skein/core";
import { type CallOptions, createClient, Rpc, type ServeOptions, Service, serve } from "skein";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { EtcdServer, etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { Gateway } from "../../etcd/src/test/gateway.ts";
import { FakeGoMicroClient } from "../../http/src/go-micro/test/fake-go-micro-client.ts";
import { FakeGoMicroGrpcServer } from "../../http/src/go-micro/test/fake-go-micro-grpc-server.ts";
import { FakeGoMicroServer, TypedError } from "../../http/src/go-micro/test/fake-go-micro-server.ts";
import { RawPeer } from "../../mdns/src/test/raw-peer.ts";
import { freeUdpPort } from "../../mdns/src/test/udp-port.ts";

@Service("greeter", { version: "2.0.0" })
class GreeterService {
  calls = 0;
  @Rpc({ idempotent: true }) async hello({ name }: { name: string }): Promise<{ message: string }> {
    this.calls++;
    return { message: `Hello ${name} from Skein` };
  }
  @Rpc() async *count({ to }: { to: number }): AsyncGenerator<number> {
    for (let n = 0; n < to; n++) yield n;
  }
}

/** The value of a key, as Go Micro writes it. */
const record = (id: string, address: string, kind: "mucp" | "grpc") =>
  JSON.stringify({
    name: "greeter",
    version: "1.0.0",
    metadata: null,
    endpoints: [
      {
        name: "Greeter.Hello",
        request: { name: "Request", type: "Request", values: null },
        response: { name: "Response", type: "Response", values: null },
        metadata: {},
      },
    ],
    nodes: [
      {
        id,
        address,
        metadata: {
          broker: "http",
          protocol: kind,
          registry: "etcd",
          server: kind,
          transport: kind === "grpc" ? "grpc" : "http",
        },
      },
    ],
  });

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const hello = ({ input }: { input: { name: string } }) => ({ message: `Hello ${input.name} from Go` });

async function fake(handlers = {}) {
  const server = await FakeGoMicroServer.start({ "Greeter.Hello": hello, ...handlers });
  ends.push(() => server.kill());
  return server;
}

function warnings() {
  const said: string[] = [];
  const warn = (_: unknown, message?: string): void => void said.push(message ?? "");
  const logger: Logger = { ...silentLogger, warn, child: () => logger };
  return { said, logger };
}

describe.skipIf(etcdBinary() === undefined)("beside Go Micro's records in etcd", () => {
  let etcd: EtcdServer;
  let gateway: Gateway;
  beforeAll(async () => {
    etcd = await EtcdServer.create();
    await etcd.start();
    gateway = new Gateway(etcd.address);
  }, 120_000);
  afterAll(() => etcd.close());
  beforeEach(() => gateway.remove());

  const put = (id: string, address: string, kind: "mucp" | "grpc" = "mucp") =>
    gateway.put(`/micro/registry/greeter/${id}`, record(id, address, kind));

  async function open(layout = "skein,go-micro") {
    const client = createClient({ registry: `${etcd.url}/?layout=${layout}`, log: silentLogger });
    ends.push(() => client.close());
    // Its library is loaded, and connected.
    await client.list();
    return client;
  }

  async function ours(options: ServeOptions, layout = "skein,go-micro") {
    const greeter = new GreeterService();
    const app = await serve(greeter, {
      registry: `${etcd.url}/?layout=${layout}`,
      listen: "tcp://127.0.0.1:0",
      advertise: "127.0.0.1",
      signals: false,
      log: silentLogger,
      ...options,
    });
    ends.push(() => app.close());
    return { app, greeter, at: app.address.replace("tcp://", "") };
  }

  test("a Go Micro service is found and called, without anybody saying what it speaks", async () => {
    const server = await fake({
      "Greeter.Fail": () => {
        throw new TypedError("greeter.Fail", 404, "none", "Not Found");
      },
    });
    await put("greeter-1", server.address);
    const client = await open();
    const greeter = client.service<GreeterService>("greeter");
    expect(await greeter.hello({ name: "X" })).toEqual({ message: "Hello X from Go" });
    const named = client.service<{ fail(): Promise<void> }>("greeter", { protocol: "go-micro" });
    await expect(named.fail()).rejects.toMatchObject({ code: "NOT_FOUND", executed: "yes" });
    await expect(client.service<{ nope(): Promise<void> }>("greeter").nope()).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
    });
  });

  test("over gRPC, where its record says so", async () => {
    const server = await FakeGoMicroGrpcServer.start({
      *"Greeter/Hello"({ inputs }) {
        yield { message: `Hello ${inputs[0].name} over gRPC` };
      },
    });
    ends.push(() => server.kill());
    await put("greeter-1", server.address, "grpc");
    const greeter = (await open()).service<GreeterService>("greeter");
    expect(await greeter.hello({ name: "X" })).toEqual({ message: "Hello X over gRPC" });
    expect(server.paths).toEqual(["/greeter.Greeter/Hello"]);
  });

  test("one service, its instances ours and Go Micro's: each is called in its own protocol", async () => {
    const { greeter: skein } = await ours({});
    const server = await fake();
    await put("greeter-1", server.address);
    const client = await open();
    const greeter = client.service<GreeterService>("greeter");
    const messages = new Set<string>();
    await expect
      .poll(async () => {
        messages.add((await greeter.hello({ name: "X" })).message);
        return [...messages].sort();
      })
      .toEqual(["Hello X from Go", "Hello X from Skein"]);
    for (let i = 0; i < 50; i++) await greeter.hello({ name: "X" });
    expect(skein.calls + server.calls.length).toBeGreaterThanOrEqual(52);
    // What only ours is known to have goes there, also as the first call of all: nothing is assumed while one may still tell.
    const fresh = (await open()).service<GreeterService>("greeter");
    for (const each of [greeter, fresh]) {
      const got: number[] = [];
      for await (const n of each.count({ to: 3 })) got.push(n);
      expect(got).toEqual([0, 1, 2]);
    }
  });

  test("one of two is killed: no idempotent call fails", async () => {
    const [one, two] = [await fake(), await fake()];
    await put("greeter-1", one.address);
    await put("greeter-2", two.address);
    const greeter = (await open("go-micro")).service<{
      call(method: string, input: unknown, options: CallOptions): Promise<unknown>;
    }>("greeter") as unknown as { call(m: string, i: unknown, o: CallOptions): Promise<unknown> };
    const failures: RpcError[] = [];
    let done = 0;
    let killed = false;
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 50; i++) {
        await greeter
          .call("hello", { name: "X" }, { idempotent: true })
          .catch((error: RpcError) => failures.push(error));
        if (++done >= 100 && !killed && Math.min(one.calls.length, two.calls.length) > 10) {
          killed = true;
          one.kill();
        }
      }
    };
    await Promise.all(Array.from({ length: 6 }, worker));
    expect(killed).toBe(true);
    expect(failures).toEqual([]);
    // Removed by its owner: nobody is asked any more, at once.
    await gateway.remove("/micro/registry/greeter/greeter-2");
  });

  test.each([
    [["http", "grpc"] as const, "mucp", "http"],
    [["grpc"] as const, "grpc", "grpc"],
  ])("ours, with the doors %j, stands there as Go Micro's %s", async (doors, protocol, transport) => {
    const { app, at } = await ours({ doors: [...doors] });
    const all = await gateway.all("/micro/registry/greeter/");
    const [instance] = app.services();
    const id = `greeter-${instance?.id}`;
    expect([...all.keys()]).toEqual([`/micro/registry/greeter/${id}`]);
    const value = { name: "Request", type: "Request", values: null };
    const answer = { name: "Response", type: "Response", values: null };
    expect(JSON.parse([...all.values()][0] as string)).toEqual({
      name: "greeter",
      version: "2.0.0",
      metadata: null,
      endpoints: [
        { name: "Greeter.Hello", request: value, response: answer, metadata: {} },
        { name: "Greeter.Count", request: value, response: answer, metadata: { stream: "true" } },
      ],
      nodes: [
        {
          id,
          address: at,
          metadata: {
            broker: "http",
            protocol,
            registry: "etcd",
            server: protocol,
            transport,
            skein: expect.any(String),
          },
        },
      ],
    });
    await app.close();
    expect(await gateway.all("/micro/registry/")).toEqual(new Map());
  });

  test("a Go Micro client that has read the record calls what it says", async () => {
    await ours({ doors: ["http"] });
    const [value = ""] = (await gateway.all("/micro/registry/greeter/")).values();
    const { endpoints, nodes } = JSON.parse(value);
    const client = new FakeGoMicroClient(Number(nodes[0].address.split(":")[1]));
    ends.push(() => client.close());
    const { body } = await client.call(endpoints[0].name, { name: "X" });
    expect(JSON.parse(body)).toEqual({ message: "Hello X from Skein" });
  });

  test("ours without a door that Go Micro speaks: whoever starts it is told", async () => {
    const { said, logger } = warnings();
    await ours({ log: logger });
    expect(said).toEqual([
      'Go Micro\'s clients find greeter in this registry and cannot call it: give serve() doors: ["http"], or ["grpc"]',
    ]);
    const more = warnings();
    await ours({ log: more.logger, doors: ["http"] });
    expect(more.said).toEqual([]);
  });
});

test("in mDNS, too: the record says protocol, endpoints and the shared port, and is called", async () => {
  const port = await freeUdpPort();
  const peer = await RawPeer.join(port);
  ends.push(() => peer.close());
  const registry = `mdns://?interface=127.0.0.1&port=${port}&layout=go-micro`;
  const app = await serve(new GreeterService(), {
    registry,
    listen: "tcp://127.0.0.1:0",
    advertise: "127.0.0.1",
    signals: false,
    log: silentLogger,
    doors: ["http"],
  });
  ends.push(() => app.close());
  const txt = (): { Metadata: Record<string, string>; Endpoints: { name: string }[] } | undefined => {
    for (const message of peer.heard) {
      // Strings of up to 255 characters, each with its length in front.
      const text = message.toString("latin1").replace(/\xff/g, "");
      const hex = /789c[0-9a-f]*/.exec(text)?.[0];
      if (hex !== undefined) return JSON.parse(inflateSync(unframed(message)).toString());
    }
    return undefined;
  };
  await expect.poll(() => txt()?.Metadata.protocol).toBe("mucp");
  expect(txt()?.Endpoints.map(({ name }) => name)).toEqual(["Greeter.Hello", "Greeter.Count"]);
  const client = createClient({ registry, log: silentLogger });
  ends.push(() => client.close());
  expect(await client.service<GreeterService>("greeter").hello({ name: "X" })).toEqual({
    message: "Hello X from Skein",
  });
});

/** The bytes that a TXT record's strings are the hex of. */
function unframed(message: Buffer): Buffer {
  const start = message.indexOf("789c") - 1;
  let hex = "";
  for (
    let at = start;
    /^[0-9a-f]*$/.test(message.toString("latin1", at + 1, at + 1 + (message[at] ?? 0)));
  ) {
    const length = message[at] ?? 0;
    if (length === 0) break;
    hex += message.toString("latin1", at + 1, at + 1 + length);
    at += 1 + length;
    if (length < 255) break;
  }
  return Buffer.from(hex, "hex");
}

test("connections of a pool that have been idle are still good", async () => {
  const app = await serve(new GreeterService(), {
    registry: "memory:",
    signals: false,
    log: silentLogger,
    doors: ["http"],
  });
  ends.push(() => app.close());
  const { port } = new URL(app.address);
  const pool = new FakeGoMicroClient(Number(port));
  ends.push(() => pool.close());
  await Promise.all(Array.from({ length: 4 }, () => pool.call("Greeter.Hello", { name: "X" })));
  expect(pool.idle).toBe(pool.dialled);
  // Longer than Node keeps them by itself.
  await new Promise((resolve) => setTimeout(resolve, 6000));
  const before = pool.dialled;
  for (let i = 0; i < 8; i++) await pool.call("Greeter.Hello", { name: "X" });
  expect(pool.dialled).toBe(before);
  // And for how long in all: it is said to whoever asks.
  const socket = connect(Number(port), "127.0.0.1");
  ends.push(() => socket.destroy());
  socket.write(
    'GET /health/live HTTP/1.1\r\nHost: x\r\n\r\nPOST /greeter/hello HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{"name":"X"}',
  );
  let text = "";
  while (!text.includes("from Skein")) text += String((await once(socket, "data"))[0]);
  expect(Number(/keep-alive: timeout=(\d+)/i.exec(text)?.[1])).toBeGreaterThan(60);
}, 20_000);
