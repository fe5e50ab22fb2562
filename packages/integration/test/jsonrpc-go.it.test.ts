import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type CallContext, Rpc, RpcError, Service } from "@skein/core";
import { type App, serve } from "skein";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { collectLogs } from "../../skein/src/test/collect-logs.ts";

@Service("user", { version: "1.0.0" })
class UserService {
  gone = 0;
  running = 0;

  @Rpc() async getUser({ id }: { id: string }): Promise<object> {
    if (id !== "42") throw new RpcError("NOT_FOUND", `no user ${id}`);
    return { id, name: "Ada", big: 2 ** 53 };
  }
  @Rpc() async double(n: number, ctx: CallContext): Promise<number> {
    // Later ones are answered first.
    await new Promise((resolve) => setTimeout(resolve, (100 - n) / 4));
    return ctx.aborted ? -1 : 2 * n;
  }
  @Rpc() async wait(ms: number, ctx: CallContext): Promise<string> {
    this.running++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      ctx.onAbort(() => {
        clearTimeout(timer);
        this.gone++;
        resolve();
      });
    });
    return "waited";
  }
  @Rpc() async nothing(): Promise<void> {}
}

const hasGo = spawnSync("go", ["version"]).status === 0;
if (!hasGo && process.env.CI === "true") throw new Error("CI needs Go for the tests beside Go programs");
const source = join(import.meta.dirname, "../go/jsonrpc");
const folder = join(import.meta.dirname, "../../../.cache/servers/jsonrpc-interop");
const program = join(folder, "jsonrpc-interop");

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function build(): void {
  mkdirSync(folder, { recursive: true });
  execFileSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
}

async function start(): Promise<{
  app: App;
  user: UserService;
  at: string;
  logs: ReturnType<typeof collectLogs>;
}> {
  const user = new UserService();
  const logs = collectLogs();
  const options = { registry: "memory:", signals: false, log: logs.logger } as const;
  const app = await serve(user, { ...options, doors: ["http", "jsonrpc"] });
  ends.push(() => app.close());
  return { app, user, logs, at: app.address.replace("tcp://", "") };
}

interface Outcome {
  readonly result?: unknown;
  readonly error?: string;
  /** The error is the server's own (rpc.ServerError), and the connection goes on. */
  readonly server?: boolean;
}

/** One connection of Go's, that is told what to call. */
function goClient(...args: readonly string[]): {
  call(line: string): Promise<Outcome>;
  next(): Promise<Outcome>;
  kill(): Promise<unknown>;
} {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const exit = once(child, "exit");
  const next = async (): Promise<Outcome> => JSON.parse((await lines.next()).value as string) as Outcome;
  ends.push(() => {
    child.stdin.end();
    return exit;
  });
  return {
    next,
    call: (line) => {
      child.stdin.write(`${line}\n`);
      return next();
    },
    kill: () => {
      child.kill("SIGKILL");
      return exit;
    },
  };
}

describe.skipIf(!hasGo)("Go's net/rpc/jsonrpc calls our port (skipped without go)", () => {
  beforeAll(build, 300_000);

  test("jsonrpc.Dial and Call: values, errors, names that are not known, no input and no output", async () => {
    const { at } = await start();
    const go = goClient("call", at);
    const ada = { id: "42", name: "Ada", big: 2 ** 53 };
    expect(await go.call('UserService.GetUser {"id":"42"}')).toEqual({ result: ada });
    expect(await go.call('User.GetUser {"id":"42"}')).toEqual({ result: ada });
    expect(await go.call('User.GetUser {"id":"7"}')).toEqual({ error: "NOT_FOUND: no user 7", server: true });
    expect(await go.call("User.GetUsr {}")).toEqual({
      error: "rpc: can't find method User.GetUsr; did you mean User.GetUser?",
      server: true,
    });
    // A result of null would end Go's connection.
    expect(await go.call("User.Nothing")).toEqual({ result: {} });
    const long = JSON.stringify({ id: `\u2028}{"${"é".repeat(500_000)}` });
    expect(await go.call(`User.GetUser ${long}`)).toMatchObject({ server: true });
    expect(await go.call('User.GetUser {"id":"42"}')).toEqual({ result: ada });
  });

  test("a hundred calls at once on one connection, answered out of order", async () => {
    const { at } = await start();
    const { stdout } = spawnGo(["burst", at, "User.Double", "100"]);
    expect(JSON.parse(await stdout)).toEqual(Array.from({ length: 100 }, (_, n) => 2 * n));
  });

  test("a client that is killed cancels its calls", async () => {
    const { at, user } = await start();
    const go = goClient("call", at);
    void go.call("User.Wait 60000").catch(() => {});
    await expect.poll(() => user.running).toBe(1);
    await go.kill();
    await expect.poll(() => user.gone, { timeout: 3000 }).toBe(1);
  });

  test("a drain answers what runs; what comes then was not executed; afterwards the connection is closed", async () => {
    const { app, at, user } = await start();
    const [slow, late, idle] = [goClient("call", at), goClient("call", at), goClient("call", at)];
    await late.call("User.Nothing");
    await idle.call("User.Nothing");
    const waited = slow.call("User.Wait 500");
    await expect.poll(() => user.running).toBe(1);
    const closed = app.close();
    const refused = await late.call("User.Nothing");
    expect(refused).toMatchObject({ server: true });
    expect(refused.error).toMatch(/^UNAVAILABLE: .* \(not executed\)$/);
    expect(await waited).toEqual({ result: "waited" });
    await closed;
    expect(await idle.call("User.Nothing")).toEqual({ error: "connection is shut down", server: false });
  });

  test.each([
    ["gob", "rpc.Dial"],
    ["gob-http", "rpc.DialHTTP"],
  ])("%s: closed at once, and the log names jsonrpc.Dial", async (how) => {
    const { at, logs } = await start();
    const outcome = await goClient(how, at).next();
    expect(outcome).toMatchObject({ error: expect.stringMatching(/EOF|reset|shut down/), server: false });
    expect(logs.find("speaks no protocol served here")).toMatchObject({
      hint: expect.stringContaining("jsonrpc.Dial"),
    });
  });
});

function spawnGo(args: readonly string[]): { stdout: Promise<string> } {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const exit = once(child, "exit");
  ends.push(() => exit);
  const read = async (): Promise<string> => {
    let text = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) text += chunk as string;
    return text;
  };
  return { stdout: read() };
}
