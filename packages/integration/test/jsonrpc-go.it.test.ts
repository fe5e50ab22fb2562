import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type CallContext, Rpc, RpcError, Service, silentLogger } from "@skein/core";
import { type App, type ClientOptions, createClient, serve } from "skein";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { jsonrpcProtocol } from "../../http/src/jsonrpc/index.ts";
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

/** Arith of Go's, as its callers here see it. */
interface Arith {
  multiply(numbers: { A: number; B: number }): Promise<number>;
  divide(numbers: { A: number; B: number }): Promise<{ Quo: number; Rem: number }>;
  name(): Promise<string>;
  echo(text: string): Promise<string>;
  sleep(ms: number): Promise<number>;
  nope(): Promise<void>;
}

describe.skipIf(!hasGo)("we call servers of Go's net/rpc/jsonrpc (skipped without go)", () => {
  beforeAll(build, 300_000);

  async function goServer(name: string): Promise<{ at: string; kill(): Promise<unknown>; pid: number }> {
    const child = spawn(program, ["serve", name], { stdio: ["pipe", "pipe", "inherit"] });
    const exit = once(child, "exit");
    ends.push(() => {
      child.stdin.end();
      child.kill("SIGCONT");
      return exit;
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const kill = (): Promise<unknown> => {
      child.kill("SIGKILL");
      return exit;
    };
    return { at: line.toString().trim(), kill, pid: child.pid as number };
  }

  function callers(at: readonly string[], more: ClientOptions = {}) {
    const client = createClient({ registry: `static://arith=${at.join(",")}`, log: silentLogger, ...more });
    ends.push(() => client.close());
    return {
      client,
      arith: client.service<Arith>("arith", { protocol: "jsonrpc" }),
      again: client.service<Arith>("arith", { protocol: "jsonrpc", idempotent: true }),
    };
  }

  test("values, errors, no input, a hundred at once", async () => {
    const { at } = await goServer("one");
    const { arith } = callers([at]);
    expect(await arith.multiply({ A: 7, B: 8 })).toBe(56);
    expect(await arith.divide({ A: 17, B: 5 })).toEqual({ Quo: 3, Rem: 2 });
    expect(await arith.name()).toBe("one");
    expect(await arith.call("Multiply" as "multiply", { A: 2, B: 3 })).toBe(6);
    const text = '\u2028}{"é𝄞'.repeat(100_000);
    expect(await arith.echo(text)).toBe(text);
    const divided = arith.divide({ A: 1, B: 0 });
    await expect(divided).rejects.toMatchObject({
      code: "UNKNOWN",
      executed: "yes",
      message: "divide by zero",
      service: "arith",
      method: "divide",
    });
    await expect(arith.nope()).rejects.toMatchObject({
      code: "UNIMPLEMENTED",
      executed: "no",
      message: "rpc: can't find method Arith.Nope",
    });
    const many = Array.from({ length: 100 }, (_, i) => (i % 2 === 0 ? arith.sleep(50) : arith.echo(`${i}`)));
    expect(await Promise.all(many)).toEqual(many.map((_, i) => (i % 2 === 0 ? 50 : `${i}`)));
  });

  test("a deadline and a signal end a call here; the connection goes on", async () => {
    const { at } = await goServer("one");
    const { arith } = callers([at]);
    const late = arith.call("sleep", 600, { timeoutMs: 100 });
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
    const abort = new AbortController();
    const given = arith.call("sleep", 600, { signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await expect(given).rejects.toMatchObject({ code: "CANCELLED", executed: "maybe" });
    expect(await arith.sleep(700)).toBe(700);
  });

  test("two instances share the calls; one killed, no idempotent call fails", async () => {
    const [one, two] = [await goServer("one"), await goServer("two")];
    const { arith, again } = callers([one.at, two.at]);
    const seen = new Set<string>();
    while (seen.size < 2) seen.add(await arith.name());
    let calling = true;
    let calls = 0;
    const answers: string[] = [];
    const failures: unknown[] = [];
    const callOn = async (): Promise<void> => {
      while (calling) {
        calls++;
        // Half of them are in flight for a while, so that the kill meets some.
        const call = calls % 2 === 0 ? again.sleep(20).then(() => "slept") : again.name();
        await call.then(
          (name) => answers.push(name),
          (error: unknown) => failures.push(error),
        );
      }
    };
    const running = Array.from({ length: 6 }, callOn);
    await expect.poll(() => calls).toBeGreaterThan(100);
    await one.kill();
    const until = calls + 200;
    await expect.poll(() => calls, { timeout: 10_000 }).toBeGreaterThan(until);
    calling = false;
    await Promise.all(running);
    expect(failures).toEqual([]);
    expect(answers.slice(-20)).not.toContain("one");
  });

  test("a call that may have been executed is not tried again unless it may be", async () => {
    const one = await goServer("one");
    const { arith } = callers([one.at]);
    await arith.name();
    const lost = arith.sleep(5000);
    setTimeout(() => void one.kill(), 100);
    await expect(lost).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    await expect(arith.name()).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  });

  test("a server that stops answering is suspected, a busy one is not; idempotent calls go elsewhere", async () => {
    const [one, two] = [await goServer("one"), await goServer("two")];
    const logs = collectLogs();
    const { arith, again } = callers([one.at, two.at], {
      log: logs.logger,
      selector: "round-robin",
    });
    const seen = new Set<string>();
    while (seen.size < 2) seen.add(await arith.name());
    // Longer than a suspicion takes: Go answers the ping, so nobody is suspected.
    expect(await arith.sleep(2500)).toBe(2500);
    expect(logs.find("suspected")).toBe(undefined);
    process.kill(one.pid, "SIGSTOP");
    const state = (): string => execFileSync("ps", ["-o", "stat=", "-p", `${one.pid}`], { encoding: "utf8" });
    await expect.poll(state).toMatch(/^T/);
    const started = performance.now();
    const twenty = (): Promise<string[]> => Promise.all(Array.from({ length: 20 }, () => again.name()));
    await twenty();
    expect(performance.now() - started).toBeLessThan(4000);
    expect(logs.find("suspected")).toMatchObject({ address: `tcp://${one.at}` });
    expect(new Set(await twenty())).toEqual(new Set(["two"]));
  });

  test("another rule for names, another protocol's name, and our own service by its door", async () => {
    const { at } = await goServer("one");
    const protocols = [jsonrpcProtocol({ names: (_, method) => `Arith.${method}` })];
    const client = createClient({ registry: `static://sums=${at}`, log: silentLogger, protocols });
    ends.push(() => client.close());
    const sums = client.service<{ Name(): Promise<string> }>("sums", { protocol: "jsonrpc" });
    expect(await sums.Name()).toBe("one");
    expect(() => client.service("sums", { protocol: "soap" })).toThrow(
      'client.service("sums"): protocol is "soap": give one of the client\'s protocols (jsonrpc',
    );
    const ours = await start();
    const own = createClient({ registry: `static://user=${ours.at}`, log: silentLogger });
    ends.push(() => own.close());
    const user = own.service<UserService>("user", { protocol: "jsonrpc" });
    expect(await user.getUser({ id: "42" })).toMatchObject({ name: "Ada" });
    expect(await own.service<UserService>("user").getUser({ id: "42" })).toMatchObject({ name: "Ada" });
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
