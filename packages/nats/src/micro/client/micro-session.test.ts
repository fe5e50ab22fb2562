import type { OutgoingCall } from "@skein/core/internal";
import { beforeEach, expect, test } from "vitest";
import type { NatsMessage } from "../../nats-port.ts";
import { writeError } from "../micro-errors.ts";
import { CalcWorld } from "../test/calc-world.ts";

let w: CalcWorld;
beforeEach(() => {
  w = new CalcWorld();
});

test("a call goes where INFO says, and its answer is its value; everything is taken back in the end", async () => {
  w.calc("one", true);
  const session = await w.open();
  expect(w.told).toEqual(["ready"]);
  const sum = w.call(session, "sum");
  await w.pass(5);
  expect(sum.outcome).toBe("one");
  const unknown = w.call(session, "sun");
  await w.pass(1100);
  expect(unknown.outcome).toBe("UNIMPLEMENTED no calc at nats://fake has no endpoint sun; did you mean Sum?");
  session.close();
  await w.pass(5);
  expect(w.told).toEqual(["ready", "closed: the client was closed"]);
  expect(w.ours.closed).toBe(true);
  expect(w.runtime.clock.timers).toBe(0);
});

test("who was killed had it: what may run twice is sent again after 500 ms, once; the rest waits for its time", async () => {
  const dead = w.calc("dead", false);
  const session = await w.open();
  const twice = w.call(session, "sum", { idempotent: true, input: "twice" });
  const once = w.call(session, "sum", { input: "once" });
  const never = w.call(session, "sum", { idempotent: true, retries: false, input: "never" });
  const second = w.call(session, "sum", { idempotent: true, attempt: 1, input: "second" });
  await w.pass(5);
  expect(dead.asked).toHaveLength(4);
  const other = w.calc("other", true);
  dead.port.kill();
  await w.pass(480);
  expect(twice.outcome).toBe(undefined);
  await w.pass(80);
  expect(twice.outcome).toBe("other");
  await w.pass(4600);
  expect(other.asked).toEqual(['"twice"']);
  for (const { outcome } of [once, never, second])
    expect(outcome).toBe("DEADLINE_EXCEEDED maybe the deadline passed");
});

test("what was sent just before somebody was gone is sent again once it has been quiet for long, too", async () => {
  const dead = w.calc("dead", false);
  const session = await w.open();
  w.call(session, "sum", { idempotent: true });
  await w.pass(400);
  const late = w.call(session, "sum", { idempotent: true });
  await w.pass(5);
  w.calc("other", true);
  dead.port.kill();
  await w.pass(150);
  expect(late.outcome).toBe(undefined);
  await w.pass(400);
  expect(late.outcome).toBe("other");
});

test("who is slow, but there, is left alone", async () => {
  const slow = w.calc("slow", false);
  const session = await w.open();
  const patient = w.call(session, "sum", { idempotent: true });
  await w.pass(5100);
  expect(slow.asked).toHaveLength(1);
  expect(patient.outcome).toBe("DEADLINE_EXCEEDED maybe the deadline passed");
  expect(w.told).toEqual(["ready"]);
});

test("one that is frozen: what may run twice is sent again, no more than twice", async () => {
  const frozen = w.calc("frozen", false);
  const session = await w.open();
  frozen.port.frozen = true;
  w.call(session, "sum", { idempotent: true, expiresAt: 60_000 });
  await w.pass(10_000);
  expect(w.nats.subjects.filter((subject) => subject === "sums.calc.Sum")).toHaveLength(3);
  expect(w.told).toEqual(["ready", "suspected"]);
  frozen.port.frozen = false;
  await w.pass(2000);
  expect(w.told).toEqual(["ready", "suspected", "well"]);
  frozen.port.frozen = true;
  await w.pass(2500);
  session.close();
  await w.pass(1);
  expect(w.runtime.clock.timers).toBe(0);
});

test("a service that says of itself that an endpoint may run twice is believed", async () => {
  const dead = w.calc("dead", false, { "skein.idempotent": "true" });
  const session = await w.open();
  const sum = w.call(session, "sum");
  await w.pass(5);
  w.calc("other", true);
  dead.port.kill();
  await w.pass(600);
  expect(sum.outcome).toBe("other");
});

test("a service of another namespace is not called", async () => {
  w.calc("theirs", true, {}, { "skein.namespace": "stage" });
  const session = await w.open();
  expect(session.state).toBe("opening");
  await w.pass(1000);
  expect(w.told).toEqual(["closed: calc at nats://fake did not answer within 1000 ms"]);
});

test("nobody is there any more: told at once, and the session ends", async () => {
  const dead = w.calc("dead", false);
  const session = await w.open();
  const before = w.call(session, "sum");
  await w.pass(5);
  await w.pass(20);
  dead.port.kill();
  const after = w.call(session, "sum");
  await w.pass(5);
  expect(after.outcome).toBe("UNAVAILABLE no nobody serves sums.calc.Sum at nats://fake");
  expect(before.outcome).toBe("UNAVAILABLE maybe nobody serves calc at nats://fake");
  expect(w.told).toEqual(["ready", "closed: nobody serves calc at nats://fake"]);
  await w.open();
  expect(w.told.slice(2)).toEqual(["closed: nobody serves calc at nats://fake"]);
  expect(w.causes).toEqual([undefined, undefined]);
});

test("NATS is back, and the service is not yet: that is no refusal for two seconds", async () => {
  const calc = w.calc("slow", false);
  await w.open();
  calc.port.kill();
  w.ours.disconnect();
  await w.pass(10);
  await w.open();
  expect(w.causes.slice(1)).toEqual([expect.objectContaining({ code: "ENETDOWN" })]);
  await w.pass(2000);
  await w.open();
  expect(w.told.at(-1)).toBe("closed: nobody serves calc at nats://fake");
  expect(w.causes.at(-1)).toBe(undefined);
});

test("NATS is away from the beginning: that is said, and blames no service; once it is there, a service has its whole time", async () => {
  w.away = true;
  await w.open();
  await w.pass(1100);
  expect(w.told).toEqual(["closed: no connection to nats://fake"]);
  expect(w.causes).toEqual([expect.objectContaining({ code: "ENETDOWN" })]);
  w.calc("a", true);
  const session = await w.open();
  w.ours.connected = true;
  await w.pass(1100);
  expect(session.state).toBe("open");
  session.close();
});

test("one that drains gives a call back: it is sent again at once", async () => {
  const draining = w.nats.connect();
  w.calc("one", true);
  const session = await w.open();
  const refused = { code: "UNAVAILABLE", message: "draining", executed: "no", retry: "elsewhere" } as never;
  const { headers, body } = writeError(refused, 1000);
  let asked = 0;
  const refuse = ({ reply }: NatsMessage): void => {
    asked++;
    draining.publish(reply as string, body, undefined, headers);
    draining.kill();
  };
  draining.subscribe("sums.calc.Sum", refuse, () => {}, "q");
  const calls = Array.from({ length: 10 }, () => w.call(session, "sum"));
  await w.pass(20);
  expect(asked).toBe(1);
  expect(calls.map(({ outcome }) => outcome)).toEqual(calls.map(() => "one"));
});

test("the connection is lost: told at once, executed maybe; what waited for a place was not", async () => {
  w.calc("slow", false);
  const session = await w.open();
  const sent = Array.from({ length: 1000 }, () => w.call(session, "sum"));
  const waiting = w.call(session, "sum");
  const given = w.call(session, "sum");
  session.cancel(given);
  await w.pass(5);
  w.ours.disconnect();
  expect(sent[0]?.outcome).toBe("UNAVAILABLE maybe lost the connection to nats://fake: test");
  expect(waiting.outcome).toBe("UNAVAILABLE no lost the connection to nats://fake: test");
  expect(given.outcome).toBe(undefined);
  // Begun before the loss is told: it waits for NATS as all others do.
  const next = w.call(session, "sum");
  expect(next.outcome).toBe("UNAVAILABLE no the service calc at nats://fake is closed");
  expect(next.cause).toMatchObject({ code: "ENETDOWN" });
  await w.pass(1);
  expect(w.told.at(-1)).toBe("closed: lost the connection to nats://fake: test");
  expect(w.causes.at(-1)).toMatchObject({ code: "ENETDOWN" });
});

test("drained, it ends once its calls have", async () => {
  w.calc("slow", false);
  const session = await w.open();
  const slow = w.call(session, "sum", { expiresAt: 300 });
  session.drain();
  const late = w.call(session, "sum");
  expect(late.outcome).toBe("UNAVAILABLE no the service calc at nats://fake is draining");
  expect(w.told).toEqual(["ready", "draining"]);
  await w.pass(400);
  expect(slow.outcome).toBe("DEADLINE_EXCEEDED maybe the deadline passed");
  expect(w.told).toEqual(["ready", "draining", "closed: drained"]);
});

test("what cannot be sent is refused, and was not executed", async () => {
  w.calc("one", true);
  const session = await w.open();
  const ring: Record<string, unknown> = {};
  ring.ring = ring;
  const outcome = (more: Partial<OutgoingCall>): unknown => w.call(session, "sum", more).outcome;
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
  await w.pass(5);
  expect(session.pending).toBe(0);
});

test("who is frozen may execute it yet: that another refuses it does not say that nobody has", async () => {
  const frozen = w.calc("frozen", true);
  const session = await w.open();
  frozen.port.frozen = true;
  const sum = w.call(session, "sum", { idempotent: true });
  await w.pass(5);
  w.refusing("RESOURCE_EXHAUSTED", 50);
  await w.pass(2000);
  expect(w.nats.subjects.filter((subject) => subject === "sums.calc.Sum")).toHaveLength(2);
  expect(sum.outcome).toBe("RESOURCE_EXHAUSTED maybe not now");
});

test("all who had it have given it back: nobody has executed it", async () => {
  const calc = w.calc("one", false);
  const session = await w.open();
  calc.leave();
  const draining = w.refusing("UNAVAILABLE");
  const sum = w.call(session, "sum");
  await w.pass(1);
  draining.kill();
  await w.pass(10);
  expect(w.nats.subjects.filter((subject) => subject === "sums.calc.Sum")).toHaveLength(2);
  expect(sum.outcome).toBe("UNAVAILABLE no nobody serves sums.calc.Sum at nats://fake");
});

test("who takes longer to say what there is than others to be suspected is waited for", async () => {
  const slow = w.calc("slow", true);
  slow.infoMs = 1200;
  const session = await w.open(5000);
  await w.pass(1200);
  expect(w.told).toEqual(["ready"]);
  await w.pass(10_000);
  const sum = w.call(session, "sum");
  await w.pass(5);
  expect(sum.outcome).toBe("slow");
  session.close();
  await w.pass(1200);
  expect(w.runtime.clock.timers).toBe(0);
});

test("who did not hear the first question is asked again", async () => {
  const late = w.calc("late", true);
  late.port.frozen = true;
  await w.open(5000);
  late.port.frozen = false;
  await w.pass(1000);
  expect(w.told).toEqual(["ready"]);
});

test("an endpoint that was taken away is there no more; while nobody answers, all that were are", async () => {
  const calc = w.calc("one", true);
  const other = w.calc("two", true);
  other.leave();
  other.endpoints = [{ name: "Mean", subject: "means", queue_group: "q" }];
  other.serve("means", () => {});
  const session = await w.open();
  calc.leave();
  calc.endpoints = [];
  const gone = w.call(session, "sum");
  await w.pass(5);
  expect(gone.outcome).toBe("UNAVAILABLE no nobody serves sums.calc.Sum at nats://fake");
  const late = w.call(session, "sum");
  await w.pass(1100);
  expect(late.outcome).toMatch(/^UNIMPLEMENTED no .* has no endpoint sum; there is Mean$/);
  calc.port.frozen = true;
  other.port.frozen = true;
  w.call(session, "mean", { expiresAt: 60_000 });
  await w.pass(15_000);
  const patient = w.call(session, "mean");
  await w.pass(6000);
  expect(patient.outcome).toBe("DEADLINE_EXCEEDED maybe the deadline passed");
});

test("what only somebody had who is gone is there no more, once the others have been asked", async () => {
  const gone = w.calc("gone", true);
  const other = w.calc("other", true);
  other.leave();
  other.endpoints = [];
  const session = await w.open();
  await w.pass(1000);
  gone.port.kill();
  const first = w.call(session, "sum");
  await w.pass(1100);
  expect(first.outcome).toBe("UNAVAILABLE no nobody serves sums.calc.Sum at nats://fake");
  const second = w.call(session, "sum");
  await w.pass(1100);
  expect(second.outcome).toBe("UNIMPLEMENTED no calc at nats://fake has no endpoint sum");
});
