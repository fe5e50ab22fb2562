import { expect, test } from "vitest";
import { parseAckSubject } from "./ack-subject.ts";

const TAIL = "EVENTS.mailer-x.3.42.7.1234567890123456789.5";

test("what the server says of a message that it delivers, with a domain in it as well", () => {
  const delivery = {
    stream: "EVENTS",
    attempt: 3,
    sequence: 42,
    count: 7,
    timeMs: expect.closeTo(1_234_567_890_123.456, 2),
    pending: 5,
    key: "42.1234567890123456789",
  };
  for (const reply of [TAIL, `_.hash.${TAIL}`, `_.hash.${TAIL}.random`, `hub:1/x.hash.${TAIL}`])
    expect(parseAckSubject(`$JS.ACK.${reply}`), reply).toEqual(delivery);
});

test.each([
  undefined,
  "",
  "evil",
  "$JS.ACK.EVENTS",
  "$JS.API.STREAM.DELETE.EVENTS.a.b.c.d",
  `x$JS.ACK.${TAIL}`,
  "$JS.ACK.one-more.EVENTS.mailer.1.2.3.4.5",
  "$JS.ACK.EVENTS.mailer.x.2.3.4.5",
  "$JS.ACK.EVENTS.mailer.1.-2.3.4.5",
  "$JS.ACK.EVENTS.mailer.1.2.3.0.5",
  "$JS.ACK.EVENTS.mailer.1.2.3.Infinity.5",
  "$JS.ACK.EVENTS.mailer.1.2.3.4.",
  "$JS.ACK.EVENTS.mailer.1.2.3.4.5\r\nPUB evil 0",
  "$JS.ACK.EVENTS.mailer evil.1.2.3.4.5",
  "$JS.ACK.EVENTS.*.1.2.3.4.5",
  "$JS.ACK.EVENTS.>.1.2.3.4.5",
])("nothing is published to what a stranger names: %j", (subject) => {
  expect(parseAckSubject(subject)).toBeUndefined();
});
