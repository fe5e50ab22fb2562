import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { silentLogger } from "@skein/core";
import { createClient, Rpc, Service, serve } from "skein";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { EtcdServer, etcdBinary } from "../../etcd/src/test/etcd-server.ts";

@Service("user", { version: "1.2.0" })
class UserService {
  @Rpc({ idempotent: true }) async greet(name: string): Promise<string> {
    return `Hello, ${name}`;
  }
}

const hasGo = spawnSync("go", ["version"]).status === 0;
if (!hasGo && process.env.CI === "true") throw new Error("CI needs Go for the tests beside Go programs");
const source = join(import.meta.dirname, "../go");
const folder = join(import.meta.dirname, "../../../.cache/servers/etcd-interop");
const program = join(folder, "etcd-interop");

describe.skipIf(!hasGo || etcdBinary() === undefined)("beside a Go program with etcd's own client", () => {
  let server: EtcdServer;
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    execFileSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
    server = await EtcdServer.create();
    await server.start();
  }, 300_000);
  afterAll(() => server.close());

  const ask = (...args: readonly string[]): unknown =>
    JSON.parse(execFileSync(program, args, { encoding: "utf8" }));
  const options = (query: string) => ({
    registry: `${server.url}/?${query}`,
    listen: "tcp://127.0.0.1:0",
    advertise: "127.0.0.1",
    signals: false,
    log: silentLogger,
  });

  test("Go finds ours by their keys, in every layout at once, and no longer once they have left", async () => {
    const app = await serve(new UserService(), options("layout=skein,go-micro,grpc"));
    const [instance] = app.services();
    const at = app.address.replace("tcp://", "");
    const found = ask("find", server.address, "/services/user/") as Record<string, string>;
    expect(Object.keys(found)).toEqual([`/services/user/1.2.0/${at}`]);
    expect(JSON.parse(Object.values(found)[0] as string)).toEqual(instance);
    const micro = ask("find", server.address, "/micro/registry/user/") as Record<string, string>;
    expect(Object.keys(micro)).toEqual([`/micro/registry/user/user-${instance?.id}`]);
    expect(JSON.parse(Object.values(micro)[0] as string)).toMatchObject({
      name: "user",
      version: "1.2.0",
      nodes: [{ address: at, metadata: { protocol: "mucp" } }],
    });
    expect(ask("resolve", server.address, "user")).toEqual([at]);
    await app.close();
    expect(ask("find", server.address, "/")).toEqual({});
    expect(ask("resolve", server.address, "user")).toEqual([]);
  });

  test.each([
    ["layout=skein", (at: string) => [`/services/user/v1/${at}`, "active"]],
    ["layout=plain&prefix=/micro/services", (at: string) => [`/micro/services/user/${at}`, at]],
  ] as const)("we call what Go registers, %s", async (query, record) => {
    // It listens, and nobody but Go says so.
    await using app = await serve(new UserService(), { ...options(""), registry: "memory:" });
    const [key, value] = record(app.address.replace("tcp://", "")) as [string, string];
    const child: ChildProcess = spawn(program, ["register", server.address, key, value], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    await once(child.stdout as NodeJS.ReadableStream, "data");
    await using client = createClient({ registry: `${server.url}/?${query}`, log: silentLogger });
    const user = client.service<UserService>("user");
    expect(await user.greet("Go")).toBe("Hello, Go");
    child.stdin?.end();
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(ask("find", server.address, "/")).toEqual({});
  });
});
