import type { BusEvent } from "@skein/core";
import { createFakeRuntime, settle } from "@skein/core/testing";
import { beforeEach, expect, test } from "vitest";
import { CoreBus } from "./core-bus.ts";
import { EventLink } from "./event-link.ts";
import { ScriptedPort } from "./test/scripted-port.ts";

const runtime = createFakeRuntime();
let port: ScriptedPort;
let bus: CoreBus;
beforeEach(() => {
  const connect = (events: ConstructorParameters<typeof ScriptedPort>[0]) => {
    port = new ScriptedPort(events);
    return port;
  };
  bus = new CoreBus(new EventLink({ name: "nats://scripted", prefix: "skein", runtime, connect }), "skein");
});

function publish(name: string): { state: string } {
  const event: BusEvent = {
    name,
    id: "1",
    publishedAt: 0,
    metadata: {},
    contentType: "application/json",
    payload: new Uint8Array(),
  };
  const outcome = { state: "waits" };
  bus.publish(event).then(
    () => {
      outcome.state = "taken";
    },
    ({ code, executed }) => {
      outcome.state = `${code} ${executed}`;
    },
  );
  return outcome;
}
const states = (all: readonly { state: string }[]): string[] => [...new Set(all.map(({ state }) => state))];

test("one PING for all that is published in a tick, and one more for what comes until its PONG", async () => {
  const first = Array.from({ length: 100 }, () => publish("a"));
  await settle();
  expect([port.published.length, port.flushes, states(first)]).toEqual([100, 1, ["waits"]]);
  const second = Array.from({ length: 100 }, () => publish("a"));
  await settle();
  expect([port.published.length, port.flushes]).toEqual([200, 1]);
  port.pong();
  await settle();
  expect([port.flushes, states(first), states(second)]).toEqual([1, ["taken"], ["waits"]]);
  port.pong();
  await settle();
  expect([port.flushes, states(second)]).toEqual([0, ["taken"]]);
  const third = publish("a");
  await settle();
  port.pong();
  await settle();
  expect(third.state).toBe("taken");
});

test("a disconnect before the PONG: maybe; while there is no connection: no, and nothing is published", async () => {
  const lost = [publish("a"), publish("a")];
  await settle();
  lost.push(publish("b"));
  port.disconnect();
  await settle();
  expect(states(lost)).toEqual(["UNAVAILABLE maybe"]);
  const before = port.published.length;
  const refused = publish("a");
  await settle();
  expect([refused.state, port.published.length]).toEqual(["UNAVAILABLE no", before]);
  port.connect();
  const again = publish("a");
  await settle();
  port.pong();
  await settle();
  expect(again.state).toBe("taken");
});

test("what the server denies before its PONG fails alone", async () => {
  const denied = publish("secret");
  const fine = publish("a");
  await settle();
  port.deny("skein.events.secret");
  port.pong();
  await settle();
  expect([denied.state, fine.state]).toEqual(["PERMISSION_DENIED no", "taken"]);
});

test("a server that does not answer for 5 s: maybe", async () => {
  const waiting = publish("a");
  await runtime.clock.advanceAsync(4999);
  expect(waiting.state).toBe("waits");
  await runtime.clock.advanceAsync(1);
  expect(waiting.state).toBe("UNAVAILABLE maybe");
  expect(runtime.clock.timers).toBe(0);
});
