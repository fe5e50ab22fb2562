import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "@skein/core";
import { createClient, Rpc, Service, serve } from "skein";
import { nodeRuntime, openRegistry, resolveConfig } from "skein/internal";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { EtcdServer, etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { Gateway } from "../../etcd/src/test/gateway.ts";
import { run } from "../../skein/src/test/run-program.ts";
import { certificates } from "../../transport/src/test/certificates.ts";

@Service("echo", { version: "1.0.0" })
class EchoService {
  @Rpc({ idempotent: true }) async say(text: string): Promise<string> {
    return text;
  }
}

const options = (registry: string, waitForRegistry = "10s") => ({
  registry,
  ttl: "3s",
  listen: "tcp://127.0.0.1:0",
  advertise: "127.0.0.1",
  signals: false,
  waitForRegistry,
  log: silentLogger,
});

describe.skipIf(etcdBinary() === undefined)("a real etcd", () => {
  const servers: EtcdServer[] = [];
  const directory = mkdtempSync(join(tmpdir(), "skein-etcd-access-"));
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
  });
  afterAll(() => rmSync(directory, { recursive: true }));
  async function start(flags: readonly string[] = [], scheme = "http"): Promise<EtcdServer> {
    const server = await EtcdServer.create(flags, scheme);
    servers.push(server);
    await server.start();
    return server;
  }

  describe("that asks for a password", () => {
    let at = "";
    async function guarded(): Promise<void> {
      const server = await start();
      at = server.address;
      const gateway = new Gateway(at);
      const users = [
        ["root", "root"],
        ["writer", "READWRITE"],
        ["reader", "READ"],
      ] as const;
      for (const [name, may] of users) {
        await gateway.ask("auth/user/add", { name, password: "hunter2" });
        if (name !== "root") {
          await gateway.ask("auth/role/add", { name: may });
          const perm = { permType: may, key: btoa("/services/"), range_end: btoa("/services0") };
          await gateway.ask("auth/role/grant", { name: may, perm });
        }
        await gateway.ask("auth/user/grant", { user: name, role: may });
      }
      await gateway.ask("auth/enable");
    }

    test("a wrong one, none, and keys one may not use end the start at once, and say why without it", async () => {
      await guarded();
      const failure = (url: string): Promise<string> =>
        serve(new EchoService(), options(url)).then(
          () => "started",
          (error: Error) => error.message,
        );
      const wrong = await failure(`etcd://writer:hunter3@${at}`);
      expect(wrong).toContain("the user name or the password is wrong");
      expect(wrong).not.toContain("hunter3");
      expect(await failure(`etcd://${at}`)).toContain("etcd wants a password: give etcd://user:password@");
      expect(await failure(`etcd://writer:hunter2@${at}/?prefix=/others`)).toContain(
        "the user may not use these keys: grant it the prefix",
      );
    });

    test("a user who may only read finds and calls, and cannot register", async () => {
      await guarded();
      await using app = await serve(new EchoService(), options(`etcd://writer:hunter2@${at}`));
      expect(app.state).toBe("serving");
      const reader = `etcd://reader:hunter2@${at}`;
      await using client = createClient({ registry: reader, log: silentLogger });
      expect(await client.service<EchoService>("echo").say("hello")).toBe("hello");
      await expect(serve(new EchoService(), options(reader, "2s"))).rejects.toThrow(
        /did not take the registration within 2 s: etcd .*permission denied \(the user may not use these keys/,
      );
    });
  });

  test("TLS with a client certificate; a certificate that is not known, and no client certificate, are refused", async () => {
    const files = Object.fromEntries(
      Object.entries({
        ca: certificates.client.ca,
        other: certificates.stranger.ca,
        cert: certificates.client.cert,
        key: certificates.client.key,
        serverCert: certificates.server.cert,
        serverKey: certificates.server.key,
      }).map(([name, pem]) => {
        const file = join(directory, `${name}.pem`);
        writeFileSync(file, pem);
        return [name, file];
      }),
    );
    const flags = ["--cert-file", `${files.serverCert}`, "--key-file", `${files.serverKey}`];
    const server = await start([...flags, "--client-cert-auth", "--trusted-ca-file", `${files.ca}`], "https");
    const url = (query: string): string => `etcd://${server.address}/?${query}`;
    const mutual = url(`ca=${files.ca}&cert=${files.cert}&key=${files.key}`);
    await using app = await serve(new EchoService(), options(mutual));
    expect(app.state).toBe("serving");
    await using client = createClient({ registry: mutual, log: silentLogger });
    expect(await client.service<EchoService>("echo").say("hello")).toBe("hello");
    const failure = (registry: string): Promise<unknown> => serve(new EchoService(), options(registry, "2s"));
    await expect(failure(url(`ca=${files.other}&cert=${files.cert}&key=${files.key}`))).rejects.toThrow(
      /its certificate is not known: give ca=FILE/,
    );
    await expect(failure(url(`ca=${files.ca}`))).rejects.toThrow(/did not take the registration within 2 s/);
    await expect(failure(url(""))).rejects.toThrow(/did not take the registration within 2 s/);
  });

  test("at rest: one renewal a process and TTL/3, no writes, no reads, however many calls", async () => {
    const server = await start();
    const config = { registry: server.url, ttl: "3s", log: silentLogger };
    const apps = await Promise.all([1, 2, 3].map(() => serve(new EchoService(), options(server.url))));
    await using client = createClient(config);
    const echo = client.service<EchoService>("echo");
    await echo.say("warm");
    const before = await counters(server);
    const seconds = 9;
    const until = performance.now() + seconds * 1000;
    let calls = 0;
    while (performance.now() < until) {
      await Promise.all(Array.from({ length: 20 }, () => echo.say("hello")));
      calls += 20;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const after = await counters(server);
    const grown = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    console.log(
      `${calls} calls in ${seconds} s: ${grown("LeaseKeepAlive")} renewals, ${grown("Txn")} writes, ${grown("Range")} reads`,
    );
    expect(calls).toBeGreaterThan(1000);
    expect(grown("Txn") + grown("Put") + grown("Range") + grown("LeaseGrant")).toBe(0);
    // TTL/3 is 1 s, give or take a tenth.
    expect(grown("LeaseKeepAlive")).toBeLessThanOrEqual((3 * seconds) / 0.9 + 3);
    expect(grown("LeaseKeepAlive")).toBeGreaterThanOrEqual((3 * seconds) / 1.1 - 4);
    await Promise.all(apps.map((app) => app.close()));
  }, 60_000);

  test("processes end by themselves: a client that is closed, a service on SIGTERM, with etcd and without", async () => {
    const server = await start();
    const env = {
      SKEIN_REGISTRY: server.url,
      SKEIN_LISTEN: "tcp://127.0.0.1:0",
      SKEIN_ADVERTISE: "127.0.0.1",
      SKEIN_TTL: "3s",
    };
    const program = (name: string) => run(`../../../../integration/test/programs/${name}`, "", env);
    await using echo = program("echo.ts");
    await echo.printed("serving echo 1.0.0");
    await using caller = program("call-once.ts");
    expect(await caller.exited).toBe(0);
    expect(caller.output()).toContain("hello");
    await using another = program("echo.ts");
    await another.printed("serving echo 1.0.0");
    another.process.kill("SIGTERM");
    expect(await another.exited).toBe(0);
    const view = openRegistry(resolveConfig({ registry: server.url }, {}), {
      runtime: nodeRuntime,
      logger: silentLogger,
    });
    expect((await view.registry.get("echo")).instances.length).toBe(1);
    await view.close();
    server.stop();
    const began = performance.now();
    echo.process.kill("SIGTERM");
    expect(await echo.exited).toBe(0);
    expect(performance.now() - began).toBeLessThan(8000);
    server.resume();
  }, 60_000);
});

/** Of etcd itself: messages received, by method. */
async function counters(server: EtcdServer): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`http://${server.address}/metrics`)).text();
  return new Map(
    [...text.matchAll(/^grpc_server_msg_received_total\{grpc_method="(\w+)".*\} (\S+)$/gm)].map(
      ([, method = "", count]) => [method, Number(count)],
    ),
  );
}
