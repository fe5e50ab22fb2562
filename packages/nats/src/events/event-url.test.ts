import { expect, test } from "vitest";
import { parseEventUrl } from "./event-url.ts";

test("NATS alone", () => {
  expect(parseEventUrl("nats://user:secret@a,b:4223/?prefix=my.app")).toMatchObject({
    name: "nats://***@a,b:4223/?prefix=my.app",
    hosts: ["a:4222", "b:4223"],
    prefix: "my.app",
    stream: undefined,
  });
});

test("JetStream, by default and as told", () => {
  expect(parseEventUrl("nats://a/?stream=EVENTS").stream).toEqual({
    name: "EVENTS",
    maxDeliver: 5,
    ackWaitMs: 30_000,
    backoffMs: [1000, 5000, 30_000, 120_000, 600_000],
    dead: "skein.dead",
    replicas: 1,
    maxAgeMs: 7 * 24 * 3_600_000,
  });
  const told =
    "nats://a/?stream=E_1&prefix=p&maxDeliver=2&ackWait=1m&backoff=0ms,2s&dead=lost&replicas=3&maxAge=0";
  expect(parseEventUrl(told).stream).toEqual({
    name: "E_1",
    maxDeliver: 2,
    ackWaitMs: 60_000,
    backoffMs: [0, 2000],
    dead: "lost",
    replicas: 3,
    maxAgeMs: 0,
  });
});

test.each([
  ["stream=a.b", 'stream="a.b" is no stream: give 1 to 64 letters, digits, "-" or "_"'],
  ["stream=", 'stream="" is no stream'],
  [
    "maxDeliver=3",
    "the event bus nats://***@a/?maxDeliver=3: maxDeliver= is for JetStream: give stream= too, as in stream=EVENTS",
  ],
  ["stream=E&maxDeliver=0", "maxDeliver=0 is no whole number from 1 to 1000"],
  ["stream=E&replicas=6", "replicas=6 is no whole number from 1 to 5"],
  ["stream=E&ackWait=1ms", "ackWait=1ms is too short: give 0.5s or more"],
  ["stream=E&backoff=1s,soon", "backoff=soon is no duration: give one such as 500ms, 5s or 1m"],
  ["stream=E&maxAge=1", "maxAge=1 is no duration"],
  ["stream=E&dead=a.*", 'dead="a.*" is no subject: give one of up to 50 characters, such as skein.dead'],
  ["stream=E&dead=a%0d%0ab", 'dead="a\\r\\nb" is no subject'],
  ["stream=E&dead=skein.events.dead", "dead=skein.events.dead cannot hold dead letters"],
  ["stream=E&dead=$JS.API", "dead=$JS.API cannot hold dead letters"],
  ["kv=services", "kv= is where a registry keeps its records: events take stream= to be kept"],
  ["stream=E&kv=services", "kv= is where a registry keeps its records"],
  ["stream=E&maxDelivery=3", 'the parameter "maxDelivery" is unknown; did you mean maxDeliver?'],
])("refused: %s", (query, message) => {
  expect(() => parseEventUrl(`nats://user:secret@a/?${query}`)).toThrow(message);
  expect(() => parseEventUrl(`nats://user:secret@a/?${query}`)).not.toThrow("secret");
});
