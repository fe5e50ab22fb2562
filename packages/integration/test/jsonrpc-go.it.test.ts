import { execFileSync } from "node:child_process";
import { type CallContext, Rpc, RpcError, Service, silentLogger } from "@skein/core";
import { type App, type ClientOptions, createClient, serve } from "skein";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { jsonrpcProtocol } from "../../http/src/jsonrpc/index.ts";
import { collectLogs } from "../../skein/src/test/collect-logs.ts";
import { type Arith, buildGo, GoPrograms, hasGo } from "./jsonrpc-go.ts";

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

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const go = new GoPrograms(ends);

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

describe.skipIf(!hasGo)("Go's net/rpc/jsonrpc calls our port (skipped without go)", () => {
  beforeAll(buildGo, 300_000);

  test("jsonrpc.Dial and Call: values, errors, names that are not known, no input and no output", async () => {
    const { at } = await start();
    const caller = go.client("call", at);
    const ada = { id: "42", name: "Ada", big: 2 ** 53 };
    expect(await caller.call('UserService.GetUser {"id":"42"}')).toEqual({ result: ada });
    expect(await caller.call('User.GetUser {"id":"42"}')).toEqual({ result: ada });
    expect(await caller.call('User.GetUser {"id":"7"}')).toEqual({
      error: "NOT_FOUND: no user 7",
      server: true,
    });
    expect(await caller.call("User.GetUsr {}")).toEqual({
      error: "rpc: can't find method User.GetUsr; did you mean User.GetUser?",
      server: true,
    });
    // A result of null would end Go's connection.
    expect(await caller.call("User.Nothing")).toEqual({ result: {} });
    const long = JSON.stringify({ id: `\u2028}{"${"é".repeat(500_000)}` });
    expect(await caller.call(`User.GetUser ${long}`)).toMatchObject({ server: true });
    expect(await caller.call('User.GetUser {"id":"42"}')).toEqual({ result: ada });
  });

  test("a hundred calls at once on one connection, answered out of order", async () => {
    const { at } = await start();
    const printed = await go.output("burst", at, "User.Double", "100");
    expect(JSON.parse(printed)).toEqual(Array.from({ length: 100 }, (_, n) => 2 * n));
  });

  test("a client that is killed cancels its calls", async () => {
    const { at, user } = await start();
    const caller = go.client("call", at);
    void caller.call("User.Wait 60000").catch(() => {});
    await expect.poll(() => user.running).toBe(1);
    await caller.kill();
    await expect.poll(() => user.gone, { timeout: 3000 }).toBe(1);
  });

  test("a drain answers what runs; what comes then was not executed; afterwards the connection is closed", async () => {
    const { app, at, user } = await start();
    const [slow, late, idle] = [go.client("call", at), go.client("call", at), go.client("call", at)];
    await late.call("User.Nothing");
    await idle.call("User.Nothing");
    const waited = slow.call("User.Wait 2000");
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
    const outcome = await go.client(how, at).next();
    expect(outcome).toMatchObject({ error: expect.stringMatching(/EOF|reset|shut down/), server: false });
    expect(logs.find("speaks no protocol served here")).toMatchObject({
      hint: expect.stringContaining("jsonrpc.Dial"),
    });
  });
});

describe.skipIf(!hasGo)("we call servers of Go's net/rpc/jsonrpc (skipped without go)", () => {
  beforeAll(buildGo, 300_000);

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
    const { at } = await go.server("one");
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
    const { at } = await go.server("one");
    const { arith } = callers([at]);
    await arith.name();
    const late = arith.call("sleep", 600, { timeoutMs: 300 });
    await expect(late).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", executed: "maybe" });
    const abort = new AbortController();
    const given = arith.call("sleep", 600, { signal: abort.signal });
    setTimeout(() => abort.abort(), 50);
    await expect(given).rejects.toMatchObject({ code: "CANCELLED", executed: "maybe" });
    expect(await arith.sleep(700)).toBe(700);
  });

  test("two instances share the calls; one killed, no idempotent call fails", async () => {
    const [one, two] = [await go.server("one"), await go.server("two")];
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
    const one = await go.server("one");
    const { arith } = callers([one.at]);
    await arith.name();
    const lost = arith.sleep(5000);
    setTimeout(() => void one.kill(), 100);
    await expect(lost).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "maybe" });
    await expect(arith.name()).rejects.toMatchObject({ code: "UNAVAILABLE", executed: "no" });
  });

  test("a server that stops answering is suspected, a busy one is not; idempotent calls go elsewhere", async () => {
    const [one, two] = [await go.server("one"), await go.server("two")];
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
    expect(performance.now() - started).toBeLessThan(5000);
    expect(logs.find("suspected")).toMatchObject({ address: `tcp://${one.at}` });
    expect(new Set(await twenty())).toEqual(new Set(["two"]));
  });

  test("another rule for names, another protocol's name, and our own service by its door", async () => {
    const { at } = await go.server("one");
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
