import { once } from "node:events";
import { chmodSync, readdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createClient } from "./client.ts";
import type { HelloService } from "./test/programs/hello.ts";
import { type Program, run, temporaryRegistry } from "./test/run-program.ts";

const READY = "serving hello 1.0.0";
const start = async (env: NodeJS.ProcessEnv): Promise<Program> => {
  const program = run("hello.ts", "serve", env);
  await program.printed(READY);
  return program;
};
const records = (directory: string): string[] =>
  readdirSync(join(directory, "default")).filter((name) => !name.startsWith("."));

describe("two processes and the machine's registry", () => {
  test("one serves, one calls; their output is theirs", async () => {
    using registry = temporaryRegistry();
    const env = { SKEIN_REGISTRY: registry.url };
    await using server = await start(env);
    expect(server.log()).toMatchObject([
      {
        level: "info",
        services: ["hello 1.0.0"],
        registry: `${registry.url}/default`,
        address: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
      },
    ]);
    await using caller = run("hello.ts", "call", env);
    let out = "";
    caller.process.stdout?.on("data", (chunk) => {
      out += chunk;
    });
    expect(await caller.exited).toBe(0);
    expect(out).toBe("Hello, Ada!\n");
  });

  test("a client that waits for a service to come keeps its process alive", async () => {
    using registry = temporaryRegistry();
    const env = { SKEIN_REGISTRY: registry.url };
    await using caller = run("hello.ts", "wait", env);
    // It has begun to wait when it watches the directory, which it makes for that.
    await expect.poll(() => readdirSync(registry.directory), { timeout: 10_000 }).toEqual(["default"]);
    await using _ = await start(env);
    expect(await caller.exited).toBe(0);
    expect(caller.output()).toContain("Hello, late!");
  });

  test("announced by a process of its own, gone with it", async () => {
    using registry = temporaryRegistry();
    await using announcing = run("announcing.ts", "", { SKEIN_REGISTRY: registry.url });
    await announcing.printed("announced crm 0.0.0 at tcp://127.0.0.1:8080");
    expect(records(registry.directory)).toHaveLength(1);
    announcing.process.kill("SIGTERM");
    expect(await announcing.exited).toBe(0);
    expect(records(registry.directory)).toEqual([]);
  });
});

describe("signals", () => {
  test.each(["SIGTERM", "SIGINT"] as const)(
    "%s: an idle service is gone in under 500 ms, with 0",
    { timeout: 60_000 },
    async (signal) => {
      // The best of three: a busy machine takes its time for a process's end.
      let least = Number.POSITIVE_INFINITY;
      for (let n = 0; n < 3 && least >= 500; n++) {
        using registry = temporaryRegistry();
        await using server = await start({ SKEIN_REGISTRY: registry.url });
        await using client = createClient({ registry: registry.url, log: "silent" });
        await client.service<HelloService>("hello").greet({ name: "x" });
        const from = performance.now();
        server.process.kill(signal);
        expect(await server.exited).toBe(0);
        least = Math.min(least, performance.now() - from);
        expect(records(registry.directory)).toEqual([]);
        expect(server.output()).toContain("stopped\n");
        expect(server.log().map(({ msg }) => msg)).toMatchObject([
          expect.stringContaining(READY),
          `${signal}: draining`,
          "closed",
        ]);
      }
      expect(least).toBeLessThan(500);
    },
  );

  test("what runs is finished; a second signal exits at once", async () => {
    using registry = temporaryRegistry();
    await using polite = await start({ SKEIN_REGISTRY: registry.url });
    await using client = createClient({ registry: registry.url, log: "silent" });
    const hello = client.service<HelloService>("hello");
    const call = hello.slow({ ms: 700 });
    await polite.printed("slow begins");
    polite.process.kill("SIGTERM");
    expect(await call).toBe("done");
    expect(await polite.exited).toBe(0);

    await using hasty = await start({ SKEIN_REGISTRY: registry.url });
    const cut = hello.slow({ ms: 30_000 }, { timeoutMs: 60_000, waitForReady: true });
    cut.catch(() => {});
    await hasty.printed("slow begins");
    hasty.process.kill("SIGTERM");
    await hasty.printed("SIGTERM: draining");
    const from = performance.now();
    hasty.process.kill("SIGINT");
    expect(await hasty.exited).toBe(130);
    expect(performance.now() - from).toBeLessThan(5000);
    await expect(cut).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
  });

  test("in the middle of starting: ended, with 0 and nothing announced", async () => {
    using registry = temporaryRegistry();
    await using starting = run("starting.ts", "", { SKEIN_REGISTRY: registry.url });
    await starting.printed("starting\n");
    starting.process.kill("SIGTERM");
    expect(await starting.exited).toBe(0);
    expect(starting.log().map(({ msg }) => msg)).toEqual(["SIGTERM: draining"]);
    expect(records(registry.directory)).toEqual([]);
  });

  test("kill -9: the record is gone within 2 s", async () => {
    using registry = temporaryRegistry();
    await using server = await start({ SKEIN_REGISTRY: registry.url });
    await using client = createClient({ registry: registry.url, log: "silent" });
    const left = async (): Promise<number> => (await client.list()).length;
    expect(await left()).toBe(1);
    server.process.kill("SIGKILL");
    const from = performance.now();
    await server.exited;
    await expect.poll(left, { timeout: 10_000, interval: 20 }).toBe(0);
    expect(performance.now() - from).toBeLessThan(8000);
  });
});

describe("what cannot start says so in one line and exits with 1", () => {
  /** The one line, which is the log's. */
  async function failure(env: NodeJS.ProcessEnv, program = "hello.ts"): Promise<string> {
    using registry = temporaryRegistry();
    await using failing = run(program, program === "hello.ts" ? "serve" : "", {
      SKEIN_REGISTRY: registry.url,
      // pnpm lets programs see all packages of the workspace.
      NODE_PATH: "",
      ...env,
    });
    expect([await failing.exited, failing.output()]).toEqual([1, expect.any(String)]);
    const lines = failing.output().trimEnd().split("\n");
    expect(lines, failing.output()).toHaveLength(1);
    const line = failing.log()[0];
    expect(line?.level).toBe("error");
    // A stack would add nothing to what people have to change.
    if (program !== "broken.ts") expect(line).not.toHaveProperty("err");
    else expect(line?.err).toMatchObject({ stack: expect.stringContaining("BrokenService.onStart") });
    return line?.msg ?? "";
  }

  test("a port in use", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as { port: number };
    const listen = `tcp://127.0.0.1:${port}`;
    const message = `could not start: ${listen} is in use: `;
    expect(await failure({ SKEIN_LISTEN: listen })).toContain(message);
    expect(await failure({ SKEIN_LISTEN: listen }, "floating.ts")).toContain(message);
    taken.close();
  });

  test("a registry directory that cannot be used", async () => {
    expect(await failure({ SKEIN_REGISTRY: "local:/dev/null/registry" })).toMatch(
      /^could not start: the registry directory \/dev\/null\/registry cannot be made: .* Set SKEIN_LOCAL_DIR to one that can$/,
    );
    using open = temporaryRegistry();
    chmodSync(open.directory, 0o777);
    expect(await failure({ SKEIN_REGISTRY: open.url })).toBe(
      `could not start: the registry directory ${open.directory} is open to other users (mode 777): chmod 700 ${open.directory}`,
    );
  });

  test.each([
    [
      "SKEIN_TTL",
      "soon",
      "SKEIN_TTL=soon is no duration: give a duration from 500ms to 1h, as in 30s or 2000ms (a bare number is seconds)",
    ],
    [
      "SKEIN_LISTEN",
      "8080",
      "SKEIN_LISTEN=8080 is no address to listen on: give tcp://host:port (port 0: any free one), unix:/path, memory:name or nats://server:port",
    ],
    [
      "SKEIN_LOG",
      "loud",
      "SKEIN_LOG=loud is no log level: give one of trace, debug, info, warn, error, fatal, silent",
    ],
    [
      "SKEIN_REGISTRY",
      "nats://root:hunter2@h",
      "the registry nats://***@h needs the package @skein/nats: npm install @skein/nats",
    ],
    [
      "SKEIN_REGISTRY",
      "static://user=nowhere",
      'static registry: "nowhere" of user is no address: give static://user=10.0.0.1:8080,10.0.0.2:8080;order=10.0.0.3:8080',
    ],
  ])("%s=%s", async (variable, value, message) => {
    expect(await failure({ [variable]: value })).toBe(`could not start: ${message}`);
  });

  test("a service's own failure, with its stack in the line", async () => {
    expect(await failure({}, "broken.ts")).toBe("could not start: no database");
  });

  test("on standard error where the log is silent; a client too", async () => {
    await using silent = run("hello.ts", "serve", { SKEIN_LOG: "silent", SKEIN_REGISTRY: "memory:a/b" });
    expect(await silent.exited).toBe(1);
    expect(silent.output()).toBe(
      "could not start: SKEIN_REGISTRY=memory:a/b is no memory registry: give memory: or memory:name\n",
    );
    await using client = run("hello.ts", "call", { SKEIN_REGISTRY: "local:relative" });
    expect(await client.exited).toBe(1);
    expect(client.log()).toMatchObject([
      {
        level: "error",
        msg: "could not create a client: SKEIN_REGISTRY=local:relative is no local registry: give local: or local:/an/absolute/directory",
      },
    ]);
    expect(client.output().trimEnd().split("\n")).toHaveLength(1);
  });

  test("a program that catches it goes on and ends as it likes", async () => {
    await using caught = run("caught.ts", "", { SKEIN_TTL: "soon", SKEIN_LOG: "error" });
    expect(await caught.exited).toBe(0);
    expect(caught.output()).toBe(
      "caught: SKEIN_TTL=soon is no duration: give a duration from 500ms to 1h, as in 30s or 2000ms (a bare number is seconds)\n",
    );
  });
});

test("garbage on the port is closed, and the service goes on", async () => {
  using registry = temporaryRegistry();
  await using server = await start({ SKEIN_REGISTRY: registry.url });
  const port = Number(String(server.log()[0]?.address).split(":").at(-1));
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  socket.write("\x16\x03\x01garbage");
  await once(socket, "close");
  await server.printed("speaks no protocol");
  await using client = createClient({ registry: registry.url, log: "silent" });
  expect(await client.service<HelloService>("hello").greet({ name: "x" })).toBe("Hello, x!");
});
