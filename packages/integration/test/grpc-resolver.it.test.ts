import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { Client, credentials, Server, ServerCredentials, type sendUnaryData } from "@grpc/grpc-js";
import { type Instance, type Lease, type Registry, silentLogger } from "@skein/core";
import { registerSkeinResolver } from "@skein/grpc/resolver";
import { createMemoryRegistry } from "@skein/registry";
import { nodeRuntime, openRegistry, resolveConfig } from "skein/internal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FakeConsul } from "../../consul/src/test/fake-consul.ts";
import { EtcdServer, etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { DeskService, decode, encode, unary, useGrpc } from "./grpc-world.ts";

const world = useGrpc();
const WITHIN = { timeout: 5000, interval: 10 };
const UNUSED = { timeout: 12_000, interval: 50 };

/** A gRPC server of grpc-js that says which one it is, and shows its connections. */
async function backend(name: string) {
  const server = new Server();
  const answer = (_: unknown, callback: sendUnaryData<unknown>): void => callback(null, name);
  server.register("/user/who", answer, encode, decode, "unary");
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new Set<Socket>();
  const port = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => {});
    injector.injectConnection(socket);
  }).listen(0, "127.0.0.1");
  await once(port, "listening");
  world.cleanup(() => {
    port.close();
    for (const socket of sockets) socket.destroy();
    server.forceShutdown();
  });
  return { name, sockets, url: `grpc://127.0.0.1:${(port.address() as { port: number }).port}` };
}

const record = ({ name, url }: { name: string; url: string }, more: Partial<Instance> = {}): Instance => ({
  service: "user",
  version: "1.0.0",
  id: name,
  addresses: [
    { protocol: "skein", url: url.replace("grpc:", "tcp:") },
    { protocol: "grpc", url },
  ],
  weight: 1,
  status: "serving",
  startedAt: "2026-01-01T00:00:00.000Z",
  metadata: {},
  ...more,
});

function client(target: string): Client {
  const made = new Client(target, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
  world.cleanup(() => made.close());
  return made;
}

/** Counts the watches that are open. */
function counted(registry: Registry): { readonly registry: Registry; watches(): number } {
  let open = 0;
  const watch: Registry["watch"] = async function* (service, options) {
    open++;
    try {
      yield* registry.watch(service, options);
    } finally {
      open--;
    }
  };
  const proxy = new Proxy(registry, {
    get: (target, key) => {
      if (key === "watch") return watch;
      const value = Reflect.get(target, key) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { registry: proxy, watches: () => open };
}

const memory = (): Registry => createMemoryRegistry({ runtime: nodeRuntime });

let etcd: EtcdServer | undefined;
let consul: FakeConsul | undefined;
beforeAll(async () => {
  consul = await new FakeConsul().start();
  if (etcdBinary() === undefined) return;
  etcd = await EtcdServer.create();
  await etcd.start();
});
afterAll(async () => {
  await etcd?.close();
  await consul?.close();
});
const at = (url: string): Registry =>
  openRegistry(resolveConfig({ registry: url }, {}), { runtime: nodeRuntime, logger: silentLogger }).registry;

describe.each([
  { by: "memory", open: memory, skipped: false },
  { by: "etcd", open: () => at(`${etcd?.url}/`), skipped: etcdBinary() === undefined },
  { by: "the fake of Consul", open: () => at(`consul://${consul?.address}`), skipped: false },
])("@grpc/grpc-js by $by", ({ open, skipped }) => {
  test.skipIf(skipped)(
    "follows what is added and removed: connections soon, none left behind, no watch after close",
    async () => {
      const { registry, watches } = counted(open());
      world.cleanup(() => registry.close());
      registerSkeinResolver(registry);
      const lease: Lease = await registry.lease({ ttlMs: 30_000 });
      const [a, b, c] = [await backend("a"), await backend("b"), await backend("c")];
      await lease.put(record(a));
      await lease.put(record(b));
      const user = client("skein:///user");
      const who = () => unary(user, "/user/who", {}, { deadlineMs: 5000 });
      const asked = async () => new Set([await who(), await who(), await who(), await who()]);
      await who();
      await expect.poll(() => [a.sockets.size, b.sockets.size, c.sockets.size], WITHIN).toEqual([1, 1, 0]);
      await expect.poll(asked, WITHIN).toEqual(new Set(["a", "b"]));

      await lease.put(record(c));
      await expect.poll(() => c.sockets.size, WITHIN).toBe(1);
      await lease.remove("a");
      // grpc-js looks every 10 s for connections that nobody uses any more; calls go elsewhere at once.
      await expect.poll(asked, WITHIN).toEqual(new Set(["b", "c"]));
      await lease.put(record(b, { status: "not-ready" }));
      await expect.poll(asked, WITHIN).toEqual(new Set(["c"]));
      await expect.poll(() => [a.sockets.size, b.sockets.size, c.sockets.size], UNUSED).toEqual([0, 0, 1]);

      expect(watches()).toBe(1);
      user.close();
      await expect.poll(watches, WITHIN).toBe(0);
      await expect.poll(() => c.sockets.size, UNUSED).toBe(0);
      await lease.release();
    },
    40_000,
  );
});

test("nobody there is said by name, and calls that wait for ready go on once somebody comes", async () => {
  const registry = memory();
  world.cleanup(() => registry.close());
  registerSkeinResolver(registry);
  const user = client("skein:///user");
  await expect(unary(user, "/user/who", {})).rejects.toMatchObject({
    code: 14,
    details: expect.stringMatching(/has no instance of user/),
  });
  const waiting = new Promise((resolve, reject) => {
    user.waitForReady(Date.now() + 5000, (error) => (error ? reject(error) : resolve(undefined)));
  });
  const lease = await registry.lease({ ttlMs: 30_000 });
  await lease.put(record(await backend("late")));
  await waiting;
  expect(await unary(user, "/user/who", {})).toBe("late");
});

test("a registry in trouble changes nothing, and one that knows nothing is an error that says so", async () => {
  const a = await backend("a");
  let trouble = (): void => {};
  const told = new Promise<void>((resolve) => {
    trouble = resolve;
  });
  const registry = {
    name: "a broken registry",
    async *watch(service: string) {
      if (service === "gone") yield { instances: [], revision: 0, stale: true, error: new Error("refused") };
      else {
        yield { instances: [record(a)], revision: 1 };
        yield { instances: [], revision: 1, stale: true, error: new Error("refused") };
      }
      trouble();
      await new Promise(() => {});
    },
  } as unknown as Registry;
  registerSkeinResolver(registry, { scheme: "broken" });
  const user = client("broken:///user");
  expect(await unary(user, "/user/who", {})).toBe("a");
  await told;
  expect(await unary(user, "/user/who", {})).toBe("a");
  await expect(unary(client("broken:///gone"), "/user/who", {})).rejects.toMatchObject({
    code: 14,
    details: expect.stringContaining("a broken registry cannot tell the instances of gone: refused"),
  });
});

test("a watch that ends is begun anew when the channel asks again", async () => {
  const a = await backend("a");
  let watches = 0;
  const registry = {
    name: "a flighty registry",
    async *watch() {
      if (++watches <= 2) throw new Error("cut off");
      yield { instances: [record(a)], revision: 1 };
      await new Promise(() => {});
    },
  } as unknown as Registry;
  registerSkeinResolver(registry, { scheme: "flighty" });
  const user = client("flighty:///user");
  const failures = new Set<string>();
  const answer = (): Promise<unknown> =>
    unary(user, "/user/who", {}).catch((error: Error) => void failures.add(error.message));
  await expect.poll(answer, UNUSED).toBe("a");
  // However often it was called meanwhile.
  expect(watches).toBe(3);
  expect([...failures].join()).toContain("a flighty registry cannot tell the instances of user: cut off");
});

test("finds our own doors", async () => {
  await world.start([new DeskService()]);
  registerSkeinResolver(world.registry as Registry);
  expect(await unary(client("skein:///desk"), "/desk/greet", { name: "Ann" })).toEqual({
    text: "Hello, Ann",
  });
});

test("a scheme that is none is refused", () => {
  expect(() => registerSkeinResolver(memory(), { scheme: "a b" })).toThrow(
    'registerSkeinResolver: option scheme is "a b": give a URL\'s, as in "skein"',
  );
});
