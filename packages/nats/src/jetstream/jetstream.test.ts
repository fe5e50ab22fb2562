import { RpcError } from "@skein/core";
import { beforeEach, expect, test } from "vitest";
import { isRefusal, JetStreamError } from "./errors.ts";
import { JetStream } from "./jetstream.ts";
import type { Answer } from "./pending-questions.ts";

/** What is asked, and what is answered by the verb: undefined where there is nobody. */
let asked: string[];
let answers: Record<string, unknown>;
let js: JetStream;
beforeEach(() => {
  asked = [];
  answers = {};
  js = new JetStream({
    async ask(subject, bytes, headers): Promise<Answer> {
      const text = `${subject} ${Buffer.from(bytes)}`.trim();
      asked.push(headers === undefined ? text : `${text} ${JSON.stringify([...headers])}`);
      const key = Object.keys(answers).find((end) => subject.endsWith(end));
      if (key === undefined) return { nobody: true, bytes: new Uint8Array() };
      const list = answers[key];
      const answer = Array.isArray(list) ? list.shift() : list;
      return {
        nobody: false,
        bytes: Buffer.from(typeof answer === "string" ? answer : JSON.stringify(answer)),
      };
    },
    unavailable: (cause) => new RpcError("UNAVAILABLE", cause.message, { executed: "maybe" }),
  });
});
const no = (err_code: number, description = "no") => ({ error: { code: 400, err_code, description } });

test("an error has JetStream's own number, or else the general one", async () => {
  answers = { A: no(10_058, "in use"), B: { error: { code: 503 } }, C: { error: "odd" } };
  await expect(js.ask("A")).rejects.toMatchObject({ code: 10_058, message: "in use" });
  await expect(js.ask("B")).rejects.toMatchObject({ code: 503, message: "an error without a text" });
  await expect(js.ask("C")).rejects.toMatchObject({ code: 0 });
  await expect(js.ask("nobody")).rejects.toMatchObject({ code: 503, message: "nobody takes $JS.API.nobody" });
});

test("refusals are told apart by their kind", () => {
  const error = new JetStreamError(10_039, "not enabled");
  expect(isRefusal(error, "noJetStream")).toBe(true);
  expect(isRefusal(error, "nobody")).toBe(false);
  expect(isRefusal(Object.assign(new Error("x"), { code: 10_039 }), "noJetStream")).toBe(false);
});

test.each(["", "{", "[1]", '"text"', "null"])("%j is no answer of JetStream's", async (text) => {
  answers = { A: text };
  const fault = { code: "UNAVAILABLE", message: expect.stringContaining("answered to $JS.API.A is none of") };
  await expect(js.ask("A")).rejects.toMatchObject(fault);
});

test("published: the stream's sequence, and nothing less is an answer", async () => {
  answers = { "events.a": [{ stream: "E", seq: 7 }, {}, { seq: "7" }, no(10_071)] };
  const publish = () => js.publish("events.a", Buffer.from("x"), [["K", "v"]]);
  expect(await publish()).toBe(7);
  expect(asked).toEqual(['events.a x [["K","v"]]']);
  await expect(publish()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(publish()).rejects.toMatchObject({ code: "UNAVAILABLE" });
  await expect(publish()).rejects.toSatisfy((error) => isRefusal(error, "notLast"));
});

test("a stream is looked for, and made; of one that others were quicker to make it is told how it is", async () => {
  answers = { "INFO.S": [no(10_059), { theirs: true }], "CREATE.S": [{ made: true }, no(10_058)] };
  expect(await js.findStream("S")).toBeUndefined();
  expect(await js.makeStream("S", { subjects: ["s"] })).toEqual({ made: true });
  expect(await js.makeStream("S", {})).toEqual({ theirs: true });
  expect(asked.slice(0, 2)).toEqual([
    "$JS.API.STREAM.INFO.S",
    '$JS.API.STREAM.CREATE.S {"name":"S","subjects":["s"]}',
  ]);
  answers = { "INFO.S": no(10_023), "CREATE.S": no(10_065) };
  await expect(js.findStream("S")).rejects.toMatchObject({ code: 10_023 });
  await expect(js.makeStream("S", {})).rejects.toSatisfy((error) => isRefusal(error, "subjectsOverlap"));
});

test("a consumer is named by us or by the server, and one that is gone is not minded", async () => {
  answers = { "INFO.S.c": no(10_014), "CREATE.S.c.f.>": { name: "c" }, "CREATE.S": { name: "theirs" } };
  expect(await js.findConsumer("S", "c")).toBeUndefined();
  expect(await js.makeConsumer("S", { name: "c", filter_subject: "f.>" })).toEqual({ name: "c" });
  expect(await js.makeConsumer("S", { filter_subject: "f.>" })).toEqual({ name: "theirs" });
  await js.deleteConsumer("S", "c");
  expect(asked.slice(1)).toEqual([
    '$JS.API.CONSUMER.CREATE.S.c.f.> {"stream_name":"S","config":{"name":"c","filter_subject":"f.>"},"action":"create"}',
    '$JS.API.CONSUMER.CREATE.S {"stream_name":"S","config":{"filter_subject":"f.>"}}',
    "$JS.API.CONSUMER.DELETE.S.c",
  ]);
});
