import type { RpcError } from "@skein/core";
import { assumedUnary, type ClientSession, type OutgoingCall, wholeService } from "@skein/core/internal";
import { createFakeRuntime, type FakeRuntime } from "@skein/core/testing";
import { beforeEach, expect, test } from "vitest";
import type { NatsMessage } from "../../nats-port.ts";
import { writeError } from "../micro-errors.ts";
import { FakeNats, type FakePort } from "../test/fake-nats.ts";
import { Link } from "./link.ts";
import { protocolOver } from "./protocol.ts";

let runtime: FakeRuntime;
let nats: FakeNats;
let ours: FakePort;
let told: string[];
/** Of what sessions ended with. */
let causes: unknown[];
let link: Link;
beforeEach(() => {
  runtime = createFakeRuntime();
  nats = new FakeNats(runtime);
  told = [];
  causes = [];
  link = new Link({
    runtime,
    connect: (events) => {
      ours = nats.connect(events);
      return ours;
    },
  });
});
const pass = (ms: number): Promise<void> => runtime.clock.advanceAsync(ms);

/** Somebody who serves calc, and has or has not answered. */
class Calc {
  readonly port = nats.connect();
  readonly asked: string[] = [];
  readonly id: string;

  constructor(id: string, answers: boolean, metadata: object = {}, own: object = {}) {
    this.id = id;
    const info = {
      type: "io.nats.micro.v1.info_response",
      name: "calc",
      id,
      version: "1.0.0",
      metadata: own,
    };
    const endpoints = [{ name: "Sum", subject: "sums.calc.Sum", queue_group: "q", metadata }];
    const reply =
      (text: string) =>
      ({ reply: to }: NatsMessage) =>
        this.port.publish(to as string, Buffer.from(text));
    this.port.subscribe("$SRV.INFO.calc", reply(JSON.stringify({ ...info, endpoints })), () => {});
    this.port.subscribe(`$SRV.PING.calc.${id}`, reply("{}"), () => {});
    const take = (message: NatsMessage): void => {
      this.asked.push(Buffer.from(message.bytes).toString());
      if (answers) reply(JSON.stringify(id))(message);
    };
    this.port.subscribe("sums.calc.Sum", take, () => {}, "q");
  }
}

async function open(): Promise<ClientSession> {
  const instance = wholeService("calc", "nats-micro");
  const session = await protocolOver(() => link)
    .service("calc")
    .open({
      runtime,
      instance,
      address: instance.addresses[0] as (typeof instance.addresses)[0],
      connectTimeoutMs: 1000,
      credentials: undefined,
      limits: undefined,
      liveness: { quietMs: 500, suspectMs: 1000, silentMs: 4000, deadAfterMs: 30_000, idlePingMs: 15_000 },
      events: {
        ready: () => void told.push("ready"),
        suspect: (suspected) => void told.push(suspected ? "suspected" : "well"),
        draining: () => void told.push("draining"),
        closed: ({ message, cause }) => {
          told.push(`closed: ${message}`);
          causes.push(cause);
        },
      },
    });
  await pass(20);
  return session;
}

interface Made extends OutgoingCall {
  outcome: unknown;
}
function call(session: ClientSession, method: string, more: Partial<OutgoingCall> = {}): Made {
  const made: Made = {
    endpoint: { ...assumedUnary(method), id: 0 },
    input: 1,
    expiresAt: runtime.clock.monotonic() + 5000,
    metadata: undefined,
    attempt: 0,
    items: undefined,
    id: 0,
    inputTaken: false,
    ...more,
    outcome: undefined,
    finish: (value) => {
      made.outcome = value;
    },
    fail: (error: RpcError) => {
      made.outcome = `${error.code} ${error.executed} ${error.message}`;
    },
    abandoned: () => {},
  };
  session.start(made);
  return made;
}

test("a call goes where INFO says, and its answer is its value; everything is taken back in the end", async () => {
  new Calc("one", true);
  const session = await open();
  expect(told).toEqual(["ready"]);
  const sum = call(session, "sum");
  await pass(5);
  expect(sum.outcome).toBe("one");
  const unknown = call(session, "sun");
  await pass(1100);
  expect(unknown.outcome).toBe("UNIMPLEMENTED no calc at nats://fake has no endpoint sun; did you mean Sum?");
  session.close();
  await pass(5);
  expect(told).toEqual(["ready", "closed: the client was closed"]);
  expect(ours.closed).toBe(true);
  expect(runtime.clock.timers).toBe(0);
});

test("who was killed had it: what may run twice is sent again after 500 ms, once; the rest waits for its time", async () => {
  const dead = new Calc("dead", false);
  const session = await open();
  const twice = call(session, "sum", { idempotent: true, input: "twice" });
  const once = call(session, "sum", { input: "once" });
  const never = call(session, "sum", { idempotent: true, retries: false, input: "never" });
  const second = call(session, "sum", { idempotent: true, attempt: 1, input: "second" });
  await pass(5);
  expect(dead.asked).toHaveLength(4);
  const other = new Calc("other", true);
  dead.port.kill();
  await pass(480);
  expect(twice.outcome).toBe(undefined);
  await pass(80);
  expect(twice.outcome).toBe("other");
  await pass(4600);
  expect(other.asked).toEqual(['"twice"']);
  for (const { outcome } of [once, never, second])
    expect(outcome).toBe("DEADLINE_EXCEEDED maybe the deadline passed");
});

test("what was sent just before somebody was gone is sent again once it has been quiet for long, too", async () => {
  const dead = new Calc("dead", false);
  const session = await open();
  call(session, "sum", { idempotent: true });
  await pass(400);
  const late = call(session, "sum", { idempotent: true });
  await pass(5);
  new Calc("other", true);
  dead.port.kill();
  await pass(150);
  expect(late.outcome).toBe(undefined);
  await pass(400);
  expect(late.outcome).toBe("other");
});

test("who is slow, but there, is left alone", async () => {
  const slow = new Calc("slow", false);
  const session = await open();
  const patient = call(session, "sum", { idempotent: true });
  await pass(5100);
  expect(slow.asked).toHaveLength(1);
  expect(patient.outcome).toBe("DEADLINE_EXCEEDED maybe the deadline passed");
  expect(told).toEqual(["ready"]);
});

test("one that is frozen: what may run twice is sent again, no more than twice", async () => {
  const frozen = new Calc("frozen", false);
  const session = await open();
  frozen.port.frozen = true;
  call(session, "sum", { idempotent: true, expiresAt: 60_000 });
  await pass(10_000);
  expect(nats.subjects.filter((subject) => subject === "sums.calc.Sum")).toHaveLength(3);
  expect(told).toEqual(["ready", "suspected"]);
  frozen.port.frozen = false;
  await pass(2000);
  expect(told).toEqual(["ready", "suspected", "well"]);
  frozen.port.frozen = true;
  await pass(2500);
  session.close();
  await pass(1);
  expect(runtime.clock.timers).toBe(0);
});

test("a service that says of itself that an endpoint may run twice is believed", async () => {
  const dead = new Calc("dead", false, { "skein.idempotent": "true" });
  const session = await open();
  const sum = call(session, "sum");
  await pass(5);
  new Calc("other", true);
  dead.port.kill();
  await pass(600);
  expect(sum.outcome).toBe("other");
});

test("a service of another namespace is not called", async () => {
  new Calc("theirs", true, {}, { "skein.namespace": "stage" });
  const session = await open();
  expect(session.state).toBe("opening");
  await pass(1000);
  expect(told).toEqual(["closed: calc at nats://fake did not answer within 1000 ms"]);
});

test("nobody is there any more: told at once, and the session ends", async () => {
  const dead = new Calc("dead", false);
  const session = await open();
  const before = call(session, "sum");
  await pass(5);
  await pass(20);
  dead.port.kill();
  const after = call(session, "sum");
  await pass(5);
  expect(after.outcome).toBe("UNAVAILABLE no nobody serves sums.calc.Sum at nats://fake");
  expect(before.outcome).toBe("UNAVAILABLE maybe nobody serves calc at nats://fake");
  expect(told).toEqual(["ready", "closed: nobody serves calc at nats://fake"]);
  await open();
  expect(told.slice(2)).toEqual(["closed: nobody serves calc at nats://fake"]);
  expect(causes).toEqual([undefined, undefined]);
});

test("NATS is back, and the service is not yet: that is no refusal for two seconds", async () => {
  const calc = new Calc("slow", false);
  await open();
  calc.port.kill();
  ours.disconnect();
  await pass(10);
  await open();
  expect(causes.slice(1)).toEqual([expect.objectContaining({ code: "ENETDOWN" })]);
  await pass(2000);
  await open();
  expect(told.at(-1)).toBe("closed: nobody serves calc at nats://fake");
  expect(causes.at(-1)).toBe(undefined);
});

test("NATS is away from the beginning: that is said, and blames no service; once it is there, a service has its whole time", async () => {
  link = new Link({
    runtime,
    connect: (events) => {
      ours = nats.connect(events);
      ours.connected = false;
      return ours;
    },
  });
  await open();
  await pass(1100);
  expect(told).toEqual(["closed: no connection to nats://fake"]);
  expect(causes).toEqual([expect.objectContaining({ code: "ENETDOWN" })]);
  new Calc("a", true);
  const session = await open();
  ours.connected = true;
  await pass(1100);
  expect(session.state).toBe("open");
  session.close();
});

test("one that drains gives a call back: it is sent again at once", async () => {
  const draining = nats.connect();
  new Calc("one", true);
  const session = await open();
  const refused = { code: "UNAVAILABLE", message: "draining", executed: "no", retry: "elsewhere" } as never;
  const { headers, body } = writeError(refused, 1000);
  let asked = 0;
  const refuse = ({ reply }: NatsMessage): void => {
    asked++;
    draining.publish(reply as string, body, undefined, headers);
    draining.kill();
  };
  draining.subscribe("sums.calc.Sum", refuse, () => {}, "q");
  const calls = Array.from({ length: 10 }, () => call(session, "sum"));
  await pass(20);
  expect(asked).toBe(1);
  expect(calls.map(({ outcome }) => outcome)).toEqual(calls.map(() => "one"));
});

test("the connection is lost: told at once, executed maybe; what waited for a place was not", async () => {
  new Calc("slow", false);
  const session = await open();
  const sent = Array.from({ length: 1000 }, () => call(session, "sum"));
  const waiting = call(session, "sum");
  const given = call(session, "sum");
  session.cancel(given);
  await pass(5);
  ours.disconnect();
  expect(sent[0]?.outcome).toBe("UNAVAILABLE maybe lost the connection to nats://fake: test");
  expect(waiting.outcome).toBe("UNAVAILABLE no lost the connection to nats://fake: test");
  expect(given.outcome).toBe(undefined);
  await pass(1);
  expect(told.at(-1)).toBe("closed: lost the connection to nats://fake: test");
  expect(causes.at(-1)).toMatchObject({ code: "ENETDOWN" });
});

test("drained, it ends once its calls have", async () => {
  new Calc("slow", false);
  const session = await open();
  const slow = call(session, "sum", { expiresAt: 300 });
  session.drain();
  const late = call(session, "sum");
  expect(late.outcome).toBe("UNAVAILABLE no the service calc at nats://fake is draining");
  expect(told).toEqual(["ready", "draining"]);
  await pass(400);
  expect(slow.outcome).toBe("DEADLINE_EXCEEDED maybe the deadline passed");
  expect(told).toEqual(["ready", "draining", "closed: drained"]);
});

test("what cannot be sent is refused, and was not executed", async () => {
  new Calc("one", true);
  const session = await open();
  const ring: Record<string, unknown> = {};
  ring.ring = ring;
  const outcome = (more: Partial<OutgoingCall>): unknown => call(session, "sum", more).outcome;
  expect(outcome({ input: ring })).toMatch(/^INVALID_ARGUMENT no the input cannot be JSON: /);
  expect(outcome({ input: "x".repeat(1000) })).toMatch(
    /^RESOURCE_EXHAUSTED no the input has 10\d\d bytes with its headers/,
  );
  expect(outcome({ metadata: { "a b": "c" } })).toMatch(
    /^INVALID_ARGUMENT no metadata "a b" cannot be a header/,
  );
  expect(outcome({ metadata: { a: "c\r\nd" } })).toMatch(
    /^INVALID_ARGUMENT no metadata "a" cannot be a header/,
  );
  expect(outcome({ expiresAt: 0 })).toBe("DEADLINE_EXCEEDED no the deadline passed");
  await pass(5);
  expect(session.pending).toBe(0);
});
