import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { type CallContext, type DoorFactory, Rpc, RpcError, Service } from "@skein/core";
import { type App, type ServeOptions, serve } from "skein";
import { afterEach, describe, expect, test } from "vitest";
import { jsonrpcDoor } from "../../http/src/jsonrpc/index.ts";
import { collectLogs } from "../../skein/src/test/collect-logs.ts";

@Service("user", { version: "1.0.0" })
class UserService {
  readonly aborted: unknown[] = [];
  readonly metadata: unknown[] = [];
  /** Handlers of wait() that were begun. */
  running = 0;
  atOnce = 0;
  most = 0;

  @Rpc() async getUser(input: { id: string } | undefined, ctx: CallContext): Promise<object> {
    this.metadata.push(ctx.metadata);
    return { id: input?.id ?? "none", peer: ctx.peer };
  }
  @Rpc() async echo(value: unknown): Promise<unknown> {
    return value;
  }
  @Rpc() async fail(text: string): Promise<void> {
    throw new RpcError("NOT_FOUND", text);
  }
  @Rpc() async crash(): Promise<void> {
    throw new Error("password=hunter2");
  }
  @Rpc({ timeoutMs: 100 }) async late(_: undefined, ctx: CallContext): Promise<void> {
    await this.wait(60_000, ctx);
  }
  @Rpc() async wait(ms: number, ctx: CallContext): Promise<string> {
    this.running++;
    this.most = Math.max(this.most, ++this.atOnce);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      ctx.onAbort((reason) => {
        clearTimeout(timer);
        this.aborted.push(reason);
        resolve();
      });
    });
    this.atOnce--;
    return `waited ${ms}`;
  }
  @Rpc() async *watchUsers(): AsyncGenerator<number> {
    yield 1;
  }
}

const apps: App[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(apps.splice(0).map((app) => app.close()));
});

async function start(
  door: DoorFactory<Socket> | "jsonrpc" = "jsonrpc",
  more: ServeOptions = {},
): Promise<{ app: App; user: UserService; logs: ReturnType<typeof collectLogs> }> {
  const user = new UserService();
  const logs = collectLogs();
  const options = { registry: "memory:", signals: false, log: logs.logger, ...more };
  const app = await serve(user, { ...options, doors: [door] });
  apps.push(app);
  return { app, user, logs };
}

/** A peer that writes what it is told and reads answers by the line. */
function dial(app: App): {
  socket: Socket;
  send(text: string): void;
  answers(count: number): Promise<string[]>;
  ask(text: string): Promise<string>;
  closed: Promise<string>;
} {
  const socket = connect({ port: Number(new URL(app.address).port), host: "127.0.0.1", allowHalfOpen: true });
  sockets.push(socket);
  socket.on("error", () => {});
  let text = "";
  let taken = 0;
  let look = (): void => {};
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    look();
  });
  const answers = (count: number): Promise<string[]> =>
    new Promise((resolve) => {
      look = () => {
        const lines = text.split("\n").slice(0, -1);
        if (lines.length < taken + count) return;
        taken += count;
        look = () => {};
        resolve(lines.slice(taken - count, taken));
      };
      look();
    });
  return {
    socket,
    send: (what) => void socket.write(what),
    answers,
    ask: async (what) => {
      socket.write(what);
      return (await answers(1))[0] as string;
    },
    closed: once(socket, "end").then(() => text),
  };
}

describe("the door's row of the table", () => {
  test("unary", async () => {
    const { app } = await start();
    const peer = dial(app);
    const answer = await peer.ask('{"method":"UserService.GetUser","params":[{"id":"42"}],"id":0}\n');
    const me = `127.0.0.1:${peer.socket.localPort}`;
    expect(answer).toBe(`{"id":0,"result":{"id":"42","peer":"${me}"},"error":null}`);
  });

  test("deadline: the endpoint's own, else the door's", async () => {
    const { app, user } = await start(jsonrpcDoor({ timeoutMs: 1000 }));
    const peer = dial(app);
    await peer.ask('{"method":"User.GetUser","id":0}');
    expect(await peer.ask('{"method":"User.Wait","params":[60000],"id":1}')).toMatch(
      /^\{"id":1,"result":null,"error":"DEADLINE_EXCEEDED: .* \(may have been executed\)"\}$/,
    );
    await expect.poll(() => user.aborted.length).toBe(1);
    const own = await start();
    expect(await dial(own.app).ask('{"method":"User.Late","id":2}')).toContain(
      '"error":"DEADLINE_EXCEEDED: ',
    );
  });

  test("cancel: by going", async () => {
    const { app, user } = await start();
    const peer = dial(app);
    peer.send('{"method":"User.Wait","params":[60000],"id":1}');
    await expect.poll(() => user.running).toBe(1);
    peer.socket.resetAndDestroy();
    await expect.poll(() => user.aborted).toMatchObject([{ message: "the caller's connection closed" }]);
    // One that only closes its end in good order might still read: it has a moment.
    const other = dial(app);
    other.send('{"method":"User.Wait","params":[60000],"id":1}');
    await expect.poll(() => user.running).toBe(2);
    other.socket.end();
    await expect.poll(() => user.aborted.length, { timeout: 3000 }).toBe(2);
  });

  test("metadata: the protocol has none", async () => {
    const { app, user } = await start();
    await dial(app).ask('{"method":"User.GetUser","params":[{"id":"1"}],"id":0,"metadata":{"a":"b"}}');
    expect(user.metadata).toEqual([{}]);
  });

  test("error", async () => {
    const { app } = await start();
    const peer = dial(app);
    const error = async (request: string): Promise<string> => {
      const answer = JSON.parse(await peer.ask(request)) as { error: string; result: null };
      expect(answer.result).toBe(null);
      return answer.error;
    };
    expect(await error('{"method":"User.Fail","params":["no user \\"42\\"\\n\u2028"],"id":0}')).toBe(
      'NOT_FOUND: no user "42"\n\u2028',
    );
    expect(await error('{"method":"User.Crash","params":[null],"id":0}')).toMatch(
      /^INTERNAL: internal error/,
    );
    const hint = "; did you mean User.GetUser?";
    expect(await error('{"method":"User.GetUsr","id":0}')).toBe(`rpc: can't find method User.GetUsr${hint}`);
    expect(await error('{"method":"Usr.GetUser","id":0}')).toBe(`rpc: can't find service Usr.GetUser${hint}`);
    expect(await error('{"method":"GetUser","id":0}')).toBe(
      "rpc: service/method request ill-formed: GetUser: give Type.Method, as in User.GetUser",
    );
    expect(await error('{"method":"User.WatchUsers","params":[{}],"id":0}')).toBe(
      "UNIMPLEMENTED: user.watchUsers is a server-stream: net/rpc carries one answer a call; use HTTP, gRPC or a client of Skein's (not executed)",
    );
    expect(await error('{"method":7,"id":0}')).toMatch(/^INVALID_ARGUMENT: method is a number: .*not exec/);
    expect(await error('{"method":"User.Echo","params":{},"id":0}')).toMatch(
      /params is an object: give an array/,
    );
    expect(await error('{"method":"User.Echo","params":[1,2],"id":0}')).toMatch(/params has 2 values/);
    expect(await error('{"method":"User.Echo","params":[[{"__proto__":1}]],"id":0}')).toMatch(/__proto__/);
    expect(await error('{"method":"User.Echo","params":[{"\\u005f_proto__":1}],"id":0}')).toMatch(
      /__proto__/,
    );
  });

  test("drain: what runs is answered, what comes then is said not to be executed", async () => {
    const { app, user } = await start();
    const [slow, late] = [dial(app), dial(app)];
    await late.ask('{"method":"User.GetUser","id":0}');
    slow.send('{"method":"User.Wait","params":[1500],"id":7}');
    await expect.poll(() => user.running).toBe(1);
    const closed = app.close();
    expect(await late.ask('{"method":"User.GetUser","id":1}')).toMatch(
      /^\{"id":1,"result":null,"error":"UNAVAILABLE: .* \(not executed\)"\}$/,
    );
    expect(await slow.closed).toBe('{"id":7,"result":"waited 1500","error":null}\n');
    await closed;
  });
});

describe("on the wire", () => {
  test("no input, by each of its forms, and no output", async () => {
    const { app } = await start();
    const peer = dial(app);
    for (const params of ["", ',"params":null', ',"params":[]', ',"params":[null]'])
      expect(await peer.ask(`{"method":"User.GetUser","id":0${params}}`)).toContain('"result":{"id":"none"');
    expect(await peer.ask('{"method":"User.Echo","params":[null],"id":0}')).toBe(
      '{"id":0,"result":{},"error":null}',
    );
  });

  test.each(["18446744073709551615", "1.0", '"a\\"}"', "null", '{"a":[9007199254740993]}', "true", "-0"])(
    "the id %s comes back as it was",
    async (id) => {
      const { app } = await start();
      expect(await dial(app).ask(`{"id":${id},"method":"User.Echo","params":["x"],"jsonrpc":"2.0"}`)).toBe(
        `{"id":${id},"result":"x","error":null}`,
      );
    },
  );

  test("bytes that come one by one, requests that come at once, answers as they are ready", async () => {
    const { app } = await start();
    const peer = dial(app);
    peer.socket.setNoDelay(true);
    const text = '{"method":"User.Echo","params":["}{\\"ü\\u2028"],"id":1}';
    for (const byte of Buffer.from(text)) {
      peer.socket.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await peer.answers(1)).toEqual(['{"id":1,"result":"}{\\"ü\u2028","error":null}']);
    const slow = '{"method":"User.Wait","params":[1500],"id":"slow"}';
    const many = Array.from({ length: 100 }, (_, i) => `{"method":"User.Echo","params":[${i}],"id":${i}}`);
    peer.send(slow + many.join(""));
    const answers = await peer.answers(101);
    expect(answers[100]).toBe('{"id":"slow","result":"waited 1500","error":null}');
    expect(new Set(answers.slice(0, 100))).toEqual(
      new Set(many.map((_, i) => `{"id":${i},"result":${i},"error":null}`)),
    );
  });

  test("large values, both ways, to a peer that reads late", async () => {
    const { app } = await start();
    const peer = dial(app);
    const text = JSON.stringify("\u2028}".repeat(300_000));
    peer.socket.pause();
    for (let id = 0; id < 5; id++) peer.send(`{"method":"User.Echo","params":[${text}],"id":${id}}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    peer.socket.resume();
    const answers = (await peer.answers(5)).map((one) => JSON.parse(one) as { result: string });
    for (const { result } of answers) expect(result).toBe(JSON.parse(text));
  });

  test("what was asked before the end is answered after it", async () => {
    const { app } = await start();
    const peer = dial(app);
    peer.socket.end('{"method":"User.Wait","params":[50],"id":1}');
    expect(await peer.closed).toBe('{"id":1,"result":"waited 50","error":null}\n');
  });

  test("more calls than may run at once wait for their turn", async () => {
    const { app, user } = await start(jsonrpcDoor({ limits: { maxCalls: 2 } }));
    const peer = dial(app);
    for (let id = 0; id < 6; id++) peer.send(`{"method":"User.Wait","params":[30],"id":${id}}`);
    expect(await peer.answers(6)).toHaveLength(6);
    expect([user.running, user.most]).toEqual([6, 2]);
  });

  test("names of one's own", async () => {
    const door = jsonrpcDoor({
      names: (name) => (name === "Accounts.Load" ? { service: "user", method: "echo" } : undefined),
      errorText: (error) => error.message,
    });
    const { app } = await start(door);
    const peer = dial(app);
    expect(await peer.ask('{"method":"Accounts.Load","params":["x"],"id":0}')).toContain('"result":"x"');
    expect(await peer.ask('{"method":"User.Echo","params":["y"],"id":0}')).toContain('"result":"y"');
    expect(await peer.ask('{"method":"User.Fail","params":["just so"],"id":0}')).toContain(
      '"error":"just so"',
    );
  });
});

describe("hostile and foreign peers", () => {
  const reasons = (logs: ReturnType<typeof collectLogs>): unknown[] =>
    logs.lines.filter((line) => line.message === "closing a JSON-RPC connection").map((line) => line.why);

  test.each([
    ["garbage behind", '{"a":1}garbage', "a message does not begin with {"],
    ["a wrong bracket", "{]", "a message is not JSON"],
    ["wrong quotes", "{'a':1}", "a message is not JSON"],
    ["too long", `{"a":"${"x".repeat(2000)}"}`, "a message is longer than 1000 bytes"],
    ["too deep", `{"a":${"[".repeat(100)}`, "a message is nested deeper than 64"],
    ["unfinished", '{"a":', "a message was not whole within 100 ms"],
  ])("%s: closed with a line", async (_, text, why) => {
    const { app, logs } = await start(jsonrpcDoor({ limits: { maxMessageBytes: 1000, messageMs: 100 } }));
    const peer = dial(app);
    peer.send(`{"method":"User.Wait","params":[50],"id":0}${text}`);
    // What was asked in good order before is answered still.
    expect(await peer.closed).toContain('{"id":0,"result":"waited 50","error":null}\n');
    expect(reasons(logs)).toEqual([why]);
  });

  test("too many are closed", async () => {
    const { app } = await start(jsonrpcDoor({ limits: { maxConnections: 1 } }));
    const first = dial(app);
    await first.ask('{"method":"User.GetUser","id":0}');
    const second = dial(app);
    second.send('{"method":"User.GetUser","id":0}');
    expect(await second.closed).toBe("");
    expect(await first.ask('{"method":"User.GetUser","id":0}')).toContain("result");
  });

  test("one that takes nothing of its answers is cut, and its calls are cancelled", async () => {
    const { app, user } = await start(jsonrpcDoor({ timeoutMs: 60_000, limits: { stallMs: 300 } }));
    const stuck = dial(app);
    stuck.closed.catch(() => {});
    stuck.socket.pause();
    stuck.send('{"method":"User.Wait","params":[60000],"id":0}');
    await expect.poll(() => user.running).toBe(1);
    const large = JSON.stringify({ method: "User.Echo", params: ["x".repeat(3_000_000)], id: 1 });
    for (let i = 0; i < 5; i++) stuck.send(large);
    await expect.poll(() => user.aborted.length, { timeout: 10_000 }).toBe(1);
  });

  test("its protocol stands in the record", async () => {
    const { app } = await start();
    const { host } = new URL(app.address);
    expect(app.services()[0]?.addresses).toContainEqual({ protocol: "jsonrpc", url: `jsonrpc://${host}` });
  });

  test("options that are wrong are named", () => {
    const wrong = (options: unknown) => () => jsonrpcDoor(options as never);
    expect(wrong({ timeout: 5 })).toThrow(
      "jsonrpcDoor: no option timeout: there are names, timeoutMs, errorText",
    );
    expect(wrong({ timeoutMs: 0 })).toThrow("jsonrpcDoor: timeoutMs is 0: give milliseconds, more than 0");
    expect(wrong({ names: {} })).toThrow("jsonrpcDoor: names is a object: give a function");
    expect(wrong({ limits: { maxCall: 1 } })).toThrow(
      "jsonrpcDoor: limits.maxCall is not known: there are maxM",
    );
    expect(wrong({ limits: { maxCalls: -1 } })).toThrow("jsonrpcDoor: limits.maxCalls is -1");
  });
});
