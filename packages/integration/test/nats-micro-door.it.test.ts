import { type CallContext, Rpc, RpcError, Service, silentLogger } from "@skein/core";
import { createMemoryRegistry } from "@skein/registry";
import { type App, type ServeOptions, serve } from "skein";
import { nodeRuntime } from "skein/internal";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../../nats/src/test/nats-server.ts";
import { buildGo, type GoAnswer, type GoCaller, GoPrograms, hasGo } from "./nats-micro-go.ts";

@Service("user", { version: "1.4.0" })
class UserService {
  running = 0;
  readonly aborted: unknown[] = [];

  @Rpc({ idempotent: true }) async getUser({ id }: { id: string }): Promise<object> {
    if (id === "7") throw new RpcError("NOT_FOUND", "no user\r\n7", { details: { id } });
    return { id, name: "Ada" };
  }
  @Rpc() async about(_: undefined, ctx: CallContext): Promise<object> {
    const { metadata, peer, timeLeftMs } = ctx;
    return { metadata, peer, timeLeftMs };
  }
  @Rpc() async wait(ms: number, ctx: CallContext): Promise<string> {
    this.running++;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      ctx.onAbort((reason) => {
        clearTimeout(timer);
        this.aborted.push(reason);
        resolve();
      });
    });
    this.running--;
    return "waited";
  }
  @Rpc() async long(bytes: number): Promise<string> {
    return "x".repeat(bytes);
  }
  @Rpc({ name: "v2.find" }) async find(): Promise<string> {
    return "found";
  }
  @Rpc() async *count(to: number): AsyncGenerator<number> {
    for (let n = 1; n <= to; n++) yield n;
  }
  @Rpc() async nothing(): Promise<void> {}
}

interface Identity {
  readonly type: string;
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly metadata: Readonly<Record<string, string>>;
}
interface Info extends Identity {
  readonly description: string;
  readonly endpoints: readonly { name: string; subject: string; queue_group: string }[];
}
interface Stats extends Identity {
  readonly started: string;
  readonly endpoints: readonly {
    readonly name: string;
    readonly num_requests: number;
    readonly num_errors: number;
    readonly last_error: string;
    readonly processing_time: number;
    readonly average_processing_time: number;
  }[];
}

describe.skipIf(natsBinary() === undefined || !hasGo)("Go's micro client and a service of ours", () => {
  let server: NatsServer;
  const ends: (() => unknown)[] = [];
  const programs = new GoPrograms(ends);

  beforeAll(async () => {
    buildGo();
    server = await NatsServer.start();
  }, 300_000);
  afterAll(() => server?.close());
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });

  async function start(more: ServeOptions = {}, service = new UserService()): Promise<App> {
    const registry = createMemoryRegistry({ runtime: nodeRuntime });
    const app = await serve(service, {
      registry,
      listen: server.url,
      log: silentLogger,
      signals: false,
      ...more,
    });
    ends.push(() => app.close());
    return app;
  }
  async function world(more: ServeOptions = {}): Promise<{ app: App; user: UserService; go: GoCaller }> {
    const user = new UserService();
    return { app: await start(more, user), user, go: programs.caller(server.url) };
  }
  const body = ({ data }: GoAnswer): unknown => JSON.parse(data);

  test("is listed, called and measured: PING, INFO and STATS at each level, with nothing that Go does not know", async () => {
    const { app, go } = await world();
    const id = app.services()[0]?.id as string;
    const identity = { name: "user", id, version: "1.4.0", metadata: {} };
    const pong = { type: "io.nats.micro.v1.ping_response", ...identity };
    for (const to of [[], ["user"], ["user", id]]) expect(await go.list("PING", ...to)).toEqual([pong]);
    expect(await go.list("PING", "usr")).toEqual([]);
    const [info] = await go.list<Info>("INFO", "user");
    expect(info).toMatchObject({ type: "io.nats.micro.v1.info_response", ...identity });
    expect(info?.endpoints).toEqual([
      {
        name: "getUser",
        subject: "user.getUser",
        queue_group: "q",
        metadata: { "skein.idempotent": "true" },
      },
      { name: "about", subject: "user.about", queue_group: "q", metadata: {} },
      { name: "wait", subject: "user.wait", queue_group: "q", metadata: {} },
      { name: "long", subject: "user.long", queue_group: "q", metadata: {} },
      {
        name: "v2_find",
        subject: "user.v2.find",
        queue_group: "q",
        metadata: { "skein.method": "v2.find" },
      },
      { name: "nothing", subject: "user.nothing", queue_group: "q", metadata: {} },
    ]);
    const ada = await go.call({ subject: "user.getUser", data: { id: "42" } });
    expect(ada).toEqual({ data: '{"id":"42","name":"Ada"}', error: "", code: "" });
    expect(body(await go.call({ subject: "user.v2.find" }))).toBe("found");
    expect(body(await go.call({ subject: "user.nothing" }))).toBe(null);
    await go.calls(98, { subject: "user.getUser", data: { id: "1" } });
    const failed = await go.call({ subject: "user.getUser", data: { id: "7" } });
    expect(failed).toMatchObject({ error: "no user 7", code: "404" });
    expect(body(failed)).toEqual({
      code: "NOT_FOUND",
      message: "no user\r\n7",
      details: { id: "7" },
      executed: "yes",
    });
    await go.call({ subject: "user.wait", data: 60 });
    const [stats] = await go.list<Stats>("STATS", "user", id);
    expect(stats).toMatchObject({ type: "io.nats.micro.v1.stats_response", ...identity });
    expect(Date.now() - Date.parse(stats?.started ?? "")).toBeLessThan(60_000);
    expect(stats?.started).toMatch(/Z$/);
    const of = (name: string) => stats?.endpoints.find((e) => e.name === name);
    expect(stats?.endpoints.map((e) => [e.name, e.num_requests, e.num_errors, e.last_error])).toEqual([
      ["getUser", 100, 1, "404:no user 7"],
      ["about", 0, 0, ""],
      ["wait", 1, 0, ""],
      ["long", 0, 0, ""],
      ["v2_find", 1, 0, ""],
      ["nothing", 1, 0, ""],
    ]);
    expect(of("wait")?.processing_time).toBeGreaterThan(59e6);
    expect(of("wait")?.average_processing_time).toBe(of("wait")?.processing_time);
    expect(of("about")?.average_processing_time).toBe(0);
  });

  test("its deadline, metadata and trace are the call's; a wrong body or time is said", async () => {
    const { go, user } = await world();
    const headers = {
      Timeout: "15.5s",
      "X-Tenant": "acme",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    const about = body(await go.call({ subject: "user.about", headers })) as Record<string, unknown>;
    expect(about).toMatchObject({ peer: "nats", metadata: { "x-tenant": "acme" } });
    expect(JSON.stringify(about.metadata)).toContain("0af7651916cd43dd8448eb211c80319c");
    expect(about.timeLeftMs).toBeLessThanOrEqual(15_500);
    expect(about.timeLeftMs).toBeGreaterThan(10_000);
    const late = await go.call({ subject: "user.wait", data: 9000, headers: { Timeout: "1000" } });
    expect(late).toMatchObject({ code: "504" });
    await expect.poll(() => user.aborted.length).toBe(1);
    const wrong = await go.call({ subject: "user.about", headers: { Timeout: "soon" } });
    expect(wrong).toMatchObject({ code: "400", error: expect.stringContaining("the header Timeout is") });
    const lists = JSON.parse(`${"[".repeat(100)}${"]".repeat(100)}`);
    expect(await go.call({ subject: "user.getUser", data: lists })).toMatchObject({
      code: "400",
      error: "the body cannot be taken: its JSON is too much: nested deeper than 64",
    });
  });

  test("an answer that NATS cannot carry is an error, not silence", async () => {
    const { go } = await world();
    const long = await go.call({ subject: "user.long", data: 1_000_000 });
    expect(long.data).toHaveLength(1_000_002);
    expect(await go.call({ subject: "user.long", data: 2_000_000 })).toMatchObject({
      code: "500",
      error: "the answer has 2000002 bytes: NATS carries at most 1048576 (max_payload)",
    });
  });

  test("credentials are asked for behind it as well", async () => {
    const { go } = await world({ authenticate: (given) => given === "sesame" });
    const data = { id: "42" };
    expect(await go.call({ subject: "user.getUser", data })).toMatchObject({ code: "401" });
    const headers = { Authorization: "Bearer sesame" };
    expect(await go.call({ subject: "user.getUser", data, headers })).toMatchObject({ code: "" });
  });

  test("two share the calls; one drains, and no call is lost", async () => {
    const first = await world();
    const { app } = await world();
    const { go } = first;
    expect(await go.list("PING", "user")).toHaveLength(2);
    const split = async (): Promise<readonly number[]> =>
      (await go.list<Stats>("STATS", "user")).map((s) => s.endpoints[0]?.num_requests ?? 0);
    await go.calls(200, { subject: "user.getUser", data: { id: "1" } });
    const [a = 0, b = 0] = await split();
    expect(a + b).toBe(200);
    expect(Math.min(a, b)).toBeGreaterThan(40);
    const callers = [programs.caller(server.url), programs.caller(server.url)];
    let on = true;
    const failures: GoAnswer[] = [];
    const load = callers.map(async (caller) => {
      while (on)
        failures.push(
          ...(await caller.calls(20, { subject: "user.getUser", data: { id: "1" } })).filter(
            ({ failed, code }) => failed !== undefined || code !== "",
          ),
        );
    });
    const slow = go.calls(40, { subject: "user.wait", data: 2000 });
    await expect.poll(() => first.user.running).toBeGreaterThan(0);
    await app.close();
    on = false;
    await Promise.all(load);
    expect(failures).toEqual([]);
    expect((await slow).map((answer) => answer.data)).toEqual(Array.from({ length: 40 }, () => '"waited"'));
    expect(await go.list("PING", "user")).toHaveLength(1);
    await first.app.close();
    expect(await go.call({ subject: "user.getUser", data: { id: "1" } })).toMatchObject({
      failed: "nats: no responders available for request",
    });
    expect(await go.list("PING", "user")).toEqual([]);
  });

  test("one that is not ready is called no more, and still says that it is there", async () => {
    let well = true;
    const { go, app } = await world({ health: { checks: { disk: () => well } } });
    const call = async (): Promise<GoAnswer> => {
      await app.ready();
      return go.call({ subject: "user.getUser", data: { id: "1" } });
    };
    expect(await call()).toMatchObject({ code: "" });
    well = false;
    await expect.poll(async () => (await call()).failed, { timeout: 10_000 }).toMatch(/no responders/);
    expect(await go.list("PING", "user")).toHaveLength(1);
    expect(await go.list("STATS")).toHaveLength(1);
    well = true;
    await expect.poll(async () => (await call()).code, { timeout: 10_000 }).toBe("");
  });

  test("on a port as well, by the option nats; a namespace stands in front; [] is none at all", async () => {
    const { go } = await world({
      listen: "tcp://127.0.0.1:0",
      nats: server.url,
      namespace: "stage",
      doors: ["http", "nats-micro"],
    });
    const [info] = await go.list<Info>("INFO", "user");
    expect(info?.metadata).toEqual({ "skein.namespace": "stage" });
    expect(info?.endpoints[0]).toMatchObject({ subject: "stage.user.getUser" });
    expect(await go.call({ subject: "stage.user.getUser", data: { id: "1" } })).toMatchObject({ code: "" });
    for (const end of ends.splice(0).reverse()) await end();
    await start({ doors: [] });
    expect(await programs.caller(server.url).list("PING")).toEqual([]);
    await expect(start({ listen: "tcp://127.0.0.1:0", doors: ["nats-micro"] })).rejects.toThrow(
      "the door nats-micro needs servers of NATS",
    );
  });

  test("two versions in one process: each is an instance, and counts what it has answered", async () => {
    const of = (version: string): object => {
      @Service("user", { version })
      class Versioned {
        @Rpc() async version(): Promise<string> {
          return version;
        }
      }
      return new Versioned();
    };
    const registry = createMemoryRegistry({ runtime: nodeRuntime });
    const options = { registry, listen: server.url, log: silentLogger, signals: false };
    const app = await serve(of("1.0.0") as UserService, of("2.0.0") as UserService, options);
    ends.push(() => app.close());
    const go = programs.caller(server.url);
    const answers = (await go.calls(100, { subject: "user.version" })).map(body);
    const stats = await go.list<Stats>("STATS", "user");
    expect(stats).toHaveLength(2);
    for (const { version, endpoints } of stats)
      expect(endpoints[0]?.num_requests).toBe(answers.filter((answer) => answer === version).length);
    expect(new Set(answers)).toEqual(new Set(["1.0.0", "2.0.0"]));
  });

  test("what is added later is there, what is removed is gone", async () => {
    @Service("mail")
    class Mail {
      @Rpc() async send(): Promise<string> {
        return "sent";
      }
    }
    const { app, go } = await world();
    await app.add(new Mail());
    await expect.poll(async () => (await go.call({ subject: "mail.send" })).data).toBe('"sent"');
    expect(await go.list("PING")).toHaveLength(2);
    let on = true;
    const late: GoAnswer[] = [];
    const other = programs.caller(server.url);
    const load = (async () => {
      while (on) late.push(...(await other.calls(50, { subject: "mail.send" })));
    })();
    await expect.poll(() => late.length).toBeGreaterThan(100);
    await app.remove("mail");
    on = false;
    await load;
    // Answered, or told by NATS that nobody is there.
    expect(
      late.filter(({ failed, data }) => data !== '"sent"' && !/no responders/.test(failed ?? "")),
    ).toEqual([]);
    await expect.poll(() => go.list("PING", "mail")).toEqual([]);
    expect(await go.call({ subject: "user.getUser", data: { id: "1" } })).toMatchObject({ code: "" });
  });
});
