import { type DoorHost, RpcError, type ServiceDescription, silentLogger } from "@skein/core";
import { createFakeRuntime, type FakeRuntime } from "@skein/core/testing";
import { beforeEach, describe, expect, test } from "vitest";
import type { NatsMessage } from "../nats-port.ts";
import { MicroDoor, type NatsMicroDoorOptions, natsMicroDoor } from "./door.ts";
import { FakeNats, type FakePort } from "./test/fake-nats.ts";

const endpoint = (name: string, kind = "unary", idempotent = false) => ({
  name,
  kind,
  idempotent,
  timeoutMs: null,
  priority: "normal",
});
const describeUser = (...endpoints: readonly ReturnType<typeof endpoint>[]): ServiceDescription => ({
  service: "user",
  version: "1.4.0",
  endpoints,
});

let runtime: FakeRuntime;
let nats: FakeNats;
beforeEach(() => {
  runtime = createFakeRuntime();
  nats = new FakeNats(runtime);
});
const pass = (ms: number): Promise<void> => runtime.clock.advanceAsync(ms);

interface World {
  readonly door: MicroDoor;
  readonly port: FakePort;
  readonly calls: unknown[];
  services: readonly ServiceDescription[];
  checks: Record<string, { ok: boolean }>;
  answer: (input: unknown) => unknown;
  changed(): void;
  readonly warned: string[];
}

function world(
  services: readonly ServiceDescription[] = [describeUser(endpoint("getUser"))],
  options: Partial<NatsMicroDoorOptions> = {},
): World {
  const port = nats.connect();
  const heard = new Set<() => void>();
  const call = (service: string) => (method: string, input: unknown, given: object) => {
    w.calls.push([service, method, input, given]);
    return Promise.resolve().then(() => w.answer(input));
  };
  const host: DoorHost = {
    runtime,
    logger: { ...silentLogger, warn: (_, message) => void w.warned.push(message) },
    services: () => w.services,
    instanceOf: () => "i-1",
    connect: (_peer, credentials) => ({
      client: { service: (name: string) => ({ call: call(`${name}${credentials ?? ""}`) }) } as never,
      close() {},
    }),
    health: {
      live: () => true,
      ready: async () => ({ ok: Object.values(w.checks).every(({ ok }) => ok), checks: w.checks }),
      onChange: (told) => {
        heard.add(told);
        return () => heard.delete(told);
      },
    },
    draining: new AbortController().signal,
  };
  const w: World = {
    door: new MicroDoor(host, { url: "nats://fake", ...options }, () => port),
    port,
    services,
    checks: {},
    calls: [],
    warned: [],
    answer: (input) => input,
    changed: () => {
      for (const told of heard) told();
    },
  };
  return w;
}

/** What comes back to a request, as text with the error's headers. */
async function ask(
  subject: string,
  body = "",
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const caller = nats.connect();
  const told: string[] = [];
  const take = ({ bytes, nobody, headers: come }: NatsMessage): void => {
    const error =
      come === undefined ? "" : `${come.get("Nats-Service-Error-Code")} ${come.get("Nats-Service-Error")} `;
    told.push(nobody ? "nobody" : `${error}${Buffer.from(bytes).toString()}`);
  };
  caller.subscribe("_INBOX.test", take, () => {});
  caller.publish(subject, Buffer.from(body), "_INBOX.test", Object.entries(headers));
  await pass(10);
  caller.kill();
  return told;
}

test("PING, INFO and STATS to the letter", async () => {
  const kinds = [endpoint("getUser", "unary", true), endpoint("v2.find"), endpoint("watch", "server-stream")];
  const w = world([describeUser(...kinds, endpoint("$describe"))]);
  await w.door.open();
  const identity = '"name":"user","id":"i-1","version":"1.4.0","metadata":{}';
  const ping = `{"type":"io.nats.micro.v1.ping_response",${identity}}`;
  for (const subject of ["$SRV.PING", "$SRV.PING.user", "$SRV.PING.user.i-1"])
    expect(await ask(subject)).toEqual([ping]);
  expect(await ask("$SRV.PING.usr")).toEqual(["nobody"]);
  const first = '"name":"getUser","subject":"user.getUser","queue_group":"q"';
  const second = '"name":"v2_find","subject":"user.v2.find","queue_group":"q"';
  expect(await ask("$SRV.INFO.user")).toEqual([
    `{"type":"io.nats.micro.v1.info_response",${identity},"description":"user, served by Skein","endpoints":[` +
      `{${first},"metadata":{"skein.idempotent":"true"}},{${second},"metadata":{"skein.method":"v2.find"}}]}`,
  ]);
  w.answer = async (input) => {
    await new Promise<void>((resolve) => runtime.clock.setTimer(2.5, resolve));
    if (input === 7) throw new RpcError("NOT_FOUND", "no user 7", { executed: "yes" });
    return input;
  };
  expect(await ask("user.getUser", "[1]")).toEqual(["[1]"]);
  expect(await ask("user.getUser", "7")).toEqual([
    '404 no user 7 {"code":"NOT_FOUND","message":"no user 7","executed":"yes"}',
  ]);
  const none =
    '"num_requests":0,"num_errors":0,"last_error":"","processing_time":0,"average_processing_time":0';
  expect(await ask("$SRV.STATS.user")).toEqual([
    `{"type":"io.nats.micro.v1.stats_response",${identity},"started":"2026-01-01T00:00:00.000Z","endpoints":[` +
      `{${first},"num_requests":2,"num_errors":1,"last_error":"404:no user 7","processing_time":5000000,"average_processing_time":2500000},` +
      `{${second},${none}}]}`,
  ]);
  const closed = w.door.close(0);
  await pass(1);
  await closed;
  expect(await ask("$SRV.PING")).toEqual(["nobody"]);
  expect(w.port.closed).toBe(true);
});

test("a request is a call: input, deadline, credentials, metadata; the protocol's own headers are none", async () => {
  const w = world();
  await w.door.open();
  const headers = {
    Timeout: "1.5s",
    Authorization: "Bearer sesame",
    "X-Tenant": "acme",
    "Nats-Msg-Id": "7",
    traceparent: "00-1-2-01",
    __proto__x: "y",
  };
  await ask("user.getUser", '{"id":7}', headers);
  await ask("user.getUser", "", headers.Timeout === undefined ? {} : { Timeout: "250" });
  await ask("user.getUser", "null");
  expect(w.calls).toEqual([
    [
      "usersesame",
      "getUser",
      { id: 7 },
      {
        version: "1.4.0",
        timeoutMs: 1500,
        metadata: { "x-tenant": "acme", traceparent: "00-1-2-01", __proto__x: "y" },
      },
    ],
    ["user", "getUser", undefined, { version: "1.4.0", timeoutMs: 250 }],
    ["user", "getUser", undefined, { version: "1.4.0" }],
  ]);
  expect(await ask("user.getUser", "{")).toEqual([
    expect.stringMatching(/^400 the body cannot be taken: it is no JSON/),
  ]);
  expect(await ask("user.getUser", '{"__proto__":1}')).toEqual([expect.stringMatching(/^400 .*__proto__/)]);
  expect(await ask("user.getUser", "1", { Timeout: "-1" })).toEqual([
    expect.stringMatching(/^400 the header Timeout/),
  ]);
  expect(w.calls).toHaveLength(3);
});

test("what is thrown otherwise is internal, in one line; what is too long is said", async () => {
  const w = world();
  await w.door.open();
  w.answer = () => {
    throw new Error("secret");
  };
  expect(await ask("user.getUser")).toEqual([expect.stringMatching(/^500 internal error \{/)]);
  w.answer = () => {
    throw new RpcError("UNKNOWN", " two\r\nlines ", { details: { much: "x".repeat(600) } });
  };
  expect(await ask("user.getUser")).toEqual([
    '500 two lines {"code":"UNKNOWN","message":" two\\r\\nlines ","executed":"maybe"}',
  ]);
  w.answer = () => "x".repeat(1000);
  expect(await ask("user.getUser")).toEqual([
    expect.stringMatching(/^500 the answer has 1002 bytes: NATS carries at most 1000 \(max_payload\) \{/),
  ]);
  w.answer = () => ({ big: 2n ** 64n, bytes: new Uint8Array([1, 2]), map: new Map([[1, 2]]) });
  expect(await ask("user.getUser")).toEqual(['{"big":"18446744073709551616","bytes":"AQI=","map":[[1,2]]}']);
});

describe("names that would be something else on the wire", () => {
  test("endpoints whose names make no subject are left out, and that is logged", async () => {
    const odd = ["a..b", "b.", "x 0\r\nPUB evil 2\r\nhi", "a.>", "*", "y".repeat(300)];
    const w = world([describeUser(...odd.map((name) => endpoint(name)), endpoint("fine"))]);
    await w.door.open();
    expect(await ask("$SRV.INFO.user")).toEqual([expect.stringContaining('"endpoints":[{"name":"fine"')]);
    const subscribed = [...nats.subscribed]
      .map(({ subject }) => subject)
      .filter((s) => !s.startsWith("$SRV."));
    expect(subscribed).toEqual(["user.fine"]);
    expect(w.warned).toEqual(odd.map(() => "an endpoint is not offered on NATS: its name makes no subject"));
  });

  test.each([
    ">",
    "a.*",
    "a b",
    "a\r\nPUB evil 0\r\n",
    "$SYS.REQ.SERVER.PING",
    "$JS.API.STREAM.DELETE.X",
    "a..b",
    "",
  ])("an answer is not sent to %j", async (reply) => {
    const w = world();
    await w.door.open();
    const caller = nats.connect();
    for (const subject of ["$SRV.PING", "$SRV.STATS.user", "user.getUser"])
      caller.publish(subject, Buffer.from("1"), reply);
    await pass(10);
    expect(nats.subjects).toEqual(["$SRV.PING", "$SRV.STATS.user", "user.getUser"]);
    expect(w.calls).toHaveLength(1);
  });

  test("options that are wrong", () => {
    const door = (more: object) => () => natsMicroDoor({ url: "nats://a", ...more });
    expect(door({ prefix: "a b" })).toThrow('natsMicroDoor: prefix is "a b"');
    expect(door({ queue: "q\r\n" })).toThrow('natsMicroDoor: queue is "q\\r\\n"');
    expect(door({ quue: "q" })).toThrow("natsMicroDoor: no option quue");
  });
});

test("names and versions as the protocol has them; prefix, namespace and queue", async () => {
  const invoice = { ...describeUser(endpoint("pay")), service: "billing.invoice", version: "v2" };
  const w = world([invoice], { prefix: "shop", namespace: "stage.eu", queue: "till" });
  await w.door.open();
  const [info = ""] = await ask("$SRV.INFO.billing_invoice");
  expect(JSON.parse(info)).toMatchObject({
    name: "billing_invoice",
    version: "2.0.0",
    metadata: { "skein.service": "billing.invoice", "skein.version": "v2", "skein.namespace": "stage.eu" },
    endpoints: [{ name: "pay", subject: "shop.stage_eu.billing.invoice.pay", queue_group: "till" }],
  });
  await ask("shop.stage_eu.billing.invoice.pay", "1");
  expect(w.calls).toEqual([["billing.invoice", "pay", 1, { version: "v2" }]]);
});

test("not ready: out of the queue group, and still there; the registry's lease is not its business", async () => {
  const w = world();
  w.checks = { lease: { ok: false } };
  await w.door.open();
  expect(await ask("user.getUser", "1")).toEqual(["1"]);
  w.checks = { disk: { ok: false } };
  w.changed();
  await pass(5);
  expect(await ask("user.getUser", "1")).toEqual(["nobody"]);
  expect(await ask("$SRV.PING.user")).toHaveLength(1);
  w.checks = {};
  w.changed();
  w.services = [...w.services, { ...describeUser(endpoint("send")), service: "mail" }];
  w.changed();
  await pass(5);
  expect(await ask("user.getUser", "1")).toEqual(["1"]);
  expect(await ask("mail.send", "2")).toEqual(["2"]);
  w.services = w.services.slice(1);
  w.changed();
  await pass(5);
  expect(await ask("user.getUser")).toEqual(["nobody"]);
  expect(await ask("$SRV.PING.user")).toEqual(["nobody"]);
  expect(await ask("$SRV.STATS.mail")).toEqual([expect.stringContaining('"num_requests":1')]);
});

test("it leaves its group, then answers what runs, then goes", async () => {
  const w = world();
  await w.door.open();
  w.answer = () => new Promise((resolve) => runtime.clock.setTimer(300, () => resolve("late")));
  const slow = ask("user.getUser");
  await pass(5);
  const left = w.door.leave();
  await pass(1);
  await left;
  expect(await ask("user.getUser")).toEqual(["nobody"]);
  expect(await ask("$SRV.PING.user")).toHaveLength(1);
  const answers: string[] = [];
  const caller = nats.connect();
  caller.subscribe(
    "_INBOX.test",
    ({ bytes }) => void answers.push(Buffer.from(bytes).toString()),
    () => {},
  );
  const closed = w.door.close(1000);
  await pass(400);
  await closed;
  expect(answers).toEqual(['"late"']);
  expect(runtime.clock.timers).toBe(0);
  await slow;
});

test("a service leaves by itself, before it is gone", async () => {
  const mail = { ...describeUser(endpoint("send")), service: "mail" };
  const w = world([describeUser(endpoint("getUser")), mail]);
  await w.door.open();
  void w.door.leave("mail");
  w.changed();
  await pass(5);
  expect(await ask("mail.send")).toEqual(["nobody"]);
  expect(await ask("$SRV.PING.mail")).toHaveLength(1);
  expect(await ask("user.getUser", "1")).toEqual(["1"]);
});

test("who has been told that it is not ready any more leaves only once what was on its way has come", async () => {
  const w = world();
  await w.door.open();
  w.port.drainMs = 200;
  w.checks = { state: { ok: false } };
  w.changed();
  await pass(50);
  let left = false;
  void w.door.leave().then(() => {
    left = true;
  });
  await pass(140);
  expect(left).toBe(false);
  await pass(20);
  expect(left).toBe(true);
});

test("a handler that never ends is not waited for", async () => {
  const w = world();
  await w.door.open();
  w.answer = () => new Promise(() => {});
  await ask("user.getUser");
  const closed = w.door.close(500);
  await pass(500);
  await closed;
  expect(w.port.closed).toBe(true);
});

test("what runs of a service is bounded, whoever asks: beyond it requests are refused unread, and counted", async () => {
  const mail = { ...describeUser(endpoint("send")), service: "mail" };
  const w = world([describeUser(endpoint("getUser")), mail]);
  await w.door.open();
  const ends: (() => void)[] = [];
  w.answer = () => new Promise<void>((resolve) => void ends.push(resolve));
  const caller = nats.connect();
  const refused: string[] = [];
  const take = ({ headers, bytes }: NatsMessage): void =>
    void refused.push(`${headers?.get("Nats-Service-Error-Code")} ${Buffer.from(bytes)}`);
  caller.subscribe("_INBOX.many", take, () => {});
  for (let n = 0; n < 5000; n++)
    caller.publish("user.getUser", Buffer.from(n < 2000 ? "1" : "{"), "_INBOX.many", [
      ["Authorization", `Bearer ${n}`],
      ["Timeout", "86400000"],
    ]);
  await pass(5);
  expect(w.calls).toHaveLength(2000);
  expect(refused).toHaveLength(3000);
  expect(new Set(refused)).toEqual(
    new Set([
      '429 {"code":"RESOURCE_EXHAUSTED","message":"more than 2000 requests for the service are under way","executed":"no","retryAfterMs":100}',
    ]),
  );
  const [stats = ""] = await ask("$SRV.STATS.user");
  expect(JSON.parse(stats).endpoints[0]).toMatchObject({
    num_requests: 3000,
    num_errors: 3000,
    last_error: "429:more than 2000 requests for the service are under way",
  });
  void ask("mail.send");
  await pass(5);
  expect(w.calls).toHaveLength(2001);
  for (const end of ends.splice(0)) end();
  await pass(5);
  w.answer = (input) => input;
  expect(await ask("user.getUser", "1")).toEqual(["1"]);
});
