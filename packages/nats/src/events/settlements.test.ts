import { createFakeRuntime, settle } from "@skein/core/testing";
import { beforeEach, expect, test } from "vitest";
import { EventLink } from "./event-link.ts";
import { Settlements, WORDS } from "./settlements.ts";
import { ScriptedPort } from "./test/scripted-port.ts";

const runtime = createFakeRuntime();
let port: ScriptedPort;
let said: Settlements;
let nobody: number;
let refused: string[];
beforeEach(async () => {
  nobody = 0;
  refused = [];
  const connect = (events: ConstructorParameters<typeof ScriptedPort>[0]) => {
    port = new ScriptedPort(events);
    return port;
  };
  const link = new EventLink({ name: "nats://scripted", prefix: "skein", runtime, connect });
  await link.ready();
  said = new Settlements(link, {
    nobody: () => void nobody++,
    refused: (error) => void refused.push(error.message),
  });
});
const given = (sequence: number, ack: string) => ({ sequence, key: String(sequence), ack });
const words = (): string[] => port.published.splice(0).map(({ subject, text }) => `${subject} ${text}`);
const answerLast = async (none = false): Promise<void> => {
  port.answer(port.published.at(-1) as ScriptedPort["published"][number], none);
  await settle();
};

test("what is said on the wire", () => {
  expect(Buffer.from(WORDS.again(0)).toString()).toBe("-NAK");
  expect(Buffer.from(WORDS.again(1500)).toString()).toBe('-NAK {"delay":1500000000}');
});

test("said once where it is confirmed, and every 5 s until it is", async () => {
  let confirmed = false;
  said.say(given(1, "$JS.ACK.1"), WORDS.done);
  void said.allConfirmed().then(() => {
    confirmed = true;
  });
  await runtime.clock.advanceAsync(4999);
  expect([words(), said.isDone("1"), confirmed]).toEqual([["$JS.ACK.1 +ACK"], true, false]);
  await runtime.clock.advanceAsync(1);
  await answerLast();
  expect([words(), said.isDone("1"), confirmed]).toEqual([["$JS.ACK.1 +ACK"], true, true]);
  await runtime.clock.advanceAsync(60_000);
  expect(words()).toEqual([]);
});

test("said every 5 s where the server does not let us say it, and told once", async () => {
  said.say(given(1, "$JS.ACK.1"), WORDS.done);
  for (let i = 0; i < 3; i++) {
    port.deny("$JS.ACK.1");
    await runtime.clock.advanceAsync(4999);
    expect(words()).toEqual(["$JS.ACK.1 +ACK"]);
    await runtime.clock.advanceAsync(1);
  }
  expect(refused).toEqual([expect.stringContaining("does not let us publish to $JS.ACK.1")]);
  await answerLast();
  words();
  await runtime.clock.advanceAsync(60_000);
  expect(words()).toEqual([]);
});

test("not to a new connection before it is known that the consumer is the same; then all that was not confirmed", async () => {
  said.say(given(1, "$JS.ACK.1"), WORDS.done);
  said.hold();
  port.disconnect();
  await settle();
  said.say(given(2, "$JS.ACK.2"), WORDS.again(0));
  port.connect();
  said.say(given(3, "$JS.ACK.3"), WORDS.done);
  await settle();
  expect(words()).toEqual(["$JS.ACK.1 +ACK"]);
  said.sayAllAgain();
  expect(words()).toEqual(["$JS.ACK.1 +ACK", "$JS.ACK.2 -NAK", "$JS.ACK.3 +ACK"]);
});

test("given out again though it is done: said there; what is to be given again is no longer ours", () => {
  said.hold();
  said.say(given(1, "old.1"), WORDS.done);
  said.say(given(2, "old.2"), WORDS.again(0));
  expect([said.isDone("1"), said.isDone("2"), said.isDone("3")]).toEqual([true, false, false]);
  said.sayAgain(given(1, "new.1"));
  said.sayAgain(given(3, "new.3"));
  said.sayAllAgain();
  expect(words()).toEqual(["new.1 +ACK", "old.2 -NAK"]);
});

test("what a server has forgotten to be done is said again, of the last 1024", async () => {
  for (let n = 1; n <= 1025; n++) {
    said.say(given(n, `$JS.ACK.${n}`), WORDS.done);
    await answerLast();
  }
  words();
  expect([said.isDone("1"), said.isDone("2")]).toEqual([false, true]);
  said.sayAgain(given(1, "again.1"));
  said.sayAgain(given(2, "again.2"));
  expect(words()).toEqual(["again.2 +ACK"]);
});

test("where there is no consumer, that is told; what was said to one that is no more is forgotten", async () => {
  said.say(given(1, "$JS.ACK.1"), WORDS.done);
  await answerLast(true);
  expect([nobody, said.isDone("1")]).toEqual([1, true]);
  said.say(given(7, "$JS.ACK.7"), WORDS.done);
  said.forget(5);
  await settle();
  words();
  said.hold();
  said.sayAllAgain();
  expect(words()).toEqual([]);
  said.end();
  await said.allConfirmed();
  said.say(given(8, "$JS.ACK.8"), WORDS.done);
  expect(said.isDone("8")).toBe(false);
});
