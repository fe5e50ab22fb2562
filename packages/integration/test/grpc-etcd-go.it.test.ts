import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { silentLogger } from "@skein/core";
import { grpcProtocol } from "@skein/grpc/client";
import { type App, createClient, Rpc, Service, serve } from "skein";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { EtcdServer, etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { buildYard, hasGo, type Yard, YardServer, yardProto } from "./go-yard.ts";

const source = join(import.meta.dirname, "../go");
const folder = join(import.meta.dirname, "../../../.cache/servers/etcd-interop");
const program = join(folder, "etcd-interop");

/** How often each call was executed, by its number. */
type Executions = Map<number, number>;

function counting(executions: Executions): object {
  @Service("counter", { version: "1.0.0" })
  class CounterService {
    @Rpc() async count({ n }: { n: number }): Promise<number> {
      executions.set(n, (executions.get(n) ?? 0) + 1);
      return n;
    }
  }
  return new CounterService();
}

interface Ledger {
  readonly calls: number;
  readonly failed: number;
  readonly first: string;
  /** Since it was asked for before. */
  readonly peers: Readonly<Record<string, number>>;
}

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe.skipIf(!hasGo || etcdBinary() === undefined)("grpc-go and etcd (skipped without either)", () => {
  let etcd: EtcdServer;
  beforeAll(async () => {
    mkdirSync(folder, { recursive: true });
    execFileSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
    buildYard();
    etcd = await EtcdServer.create();
    await etcd.start();
  }, 600_000);
  afterAll(() => etcd?.close());

  function go(...args: readonly string[]): { child: ChildProcess; line(): Promise<string> } {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const exit = once(child, "exit");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    ends.push(() => {
      child.stdin.end();
      return exit;
    });
    return { child, line: async () => (await lines.next()).value as string };
  }

  test("etcd's own resolver follows our instances; they restart in turn: no call fails, none runs twice", async () => {
    const executions: Executions = new Map();
    const start = async (): Promise<App> => {
      const app = await serve(counting(executions), {
        registry: `${etcd.url}/?layout=grpc`,
        listen: "tcp://127.0.0.1:0",
        advertise: "127.0.0.1",
        doors: ["grpc"],
        signals: false,
        log: silentLogger,
      });
      ends.push(() => app.close());
      return app;
    };
    const hostOf = (app: App): string => new URL(app.address).host;
    const apps = [await start(), await start()];
    const follower = go("follow", etcd.address, "counter", "/counter.Counter/Count");
    const ledger = async (): Promise<Ledger> => {
      follower.child.stdin?.write("\n");
      return JSON.parse(await follower.line()) as Ledger;
    };
    /** Since the one before it, every one of these and no other answered. */
    const answered = (hosts: readonly string[]) =>
      expect
        .poll(async () => Object.keys((await ledger()).peers).sort(), { timeout: 5000, interval: 200 })
        .toEqual([...hosts].sort());
    await answered(apps.map(hostOf));
    for (let round = 0; round < 3; round++) {
      apps.push(await start());
      await answered(apps.map(hostOf));
      await apps.shift()?.close();
      await answered(apps.map(hostOf));
    }
    follower.child.stdin?.end();
    const { calls, failed, first } = JSON.parse(await follower.line()) as Ledger;
    expect({ failed, first }).toEqual({ failed: 0, first: "" });
    expect(calls).toBeGreaterThan(500);
    expect(executions.size).toBe(calls);
    expect([...executions].filter(([, times]) => times !== 1)).toEqual([]);
  }, 60_000);

  test("we find what Go's naming registers, and follow it: no idempotent call fails", async () => {
    const register = async (name: string): Promise<{ server: YardServer; leave(): Promise<void> }> => {
      const server = await YardServer.start(name);
      ends.push(() => server.end());
      const value = JSON.stringify({ Op: 0, Addr: server.at, Metadata: null });
      const registration = go("register", etcd.address, `yard/${server.at}`, value);
      expect(await registration.line()).toBe("registered");
      const leave = async (): Promise<void> => {
        registration.child.stdin?.end();
        await once(registration.child, "exit");
        await server.drain();
      };
      return { server, leave };
    };
    const one = await register("one");
    const client = createClient({
      registry: `${etcd.url}/?layout=grpc`,
      log: silentLogger,
      protocols: [grpcProtocol({ protos: [yardProto] })],
    });
    ends.push(() => client.close());
    const yard = client.service<Yard>("yard", { protocol: "grpc" });
    expect(await yard.whoAreYou()).toEqual({ text: "one" });
    // The record says as well that it is gRPC, and nothing else.
    const unasked = client.service<Yard>("yard");
    expect(await unasked.sum([{ n: 40 }, { n: 2 }])).toEqual({ n: "42" });
    for await (const { n } of unasked.count({ n: 1 })) expect(n).toBe("1");
    let calling = true;
    const seen: string[] = [];
    const failures: unknown[] = [];
    const callOn = async (): Promise<void> => {
      while (calling)
        await yard.whoAreYou().then(
          ({ text }) => seen.push(text),
          (error: unknown) => failures.push(error),
        );
    };
    const running = [callOn(), callOn()];
    await register("two");
    await expect.poll(() => seen.includes("two"), { timeout: 5000 }).toBe(true);
    await one.leave();
    const until = seen.length;
    await expect.poll(() => seen.length).toBeGreaterThan(until + 100);
    calling = false;
    await Promise.all(running);
    expect(failures).toEqual([]);
    expect(new Set(seen.slice(until + 20))).toEqual(new Set(["two"]));
  }, 60_000);
});
