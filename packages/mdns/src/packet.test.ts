import { expect, test } from "vitest";
import { messageFrom } from "./packet.ts";

const of = { name: "a.local", ttl: 10, class: "IN" };

test("queries are their questions", () => {
  const questions = [{ name: "a", type: "PTR", class: "UNKNOWN_32769" }, { name: 1, type: "PTR" }, null, "x"];
  expect(messageFrom({ type: "query", id: 7, questions })).toEqual({
    type: "query",
    id: 7,
    questions: [{ name: "a", type: "PTR" }],
  });
  expect(messageFrom({ type: "query" })).toEqual({ type: "query", id: 0, questions: [] });
});

test("answers and additional records are records; what is none is left out", () => {
  const txt = { ...of, type: "TXT", data: [Buffer.from("x")] };
  const srv = { ...of, type: "SRV", data: { priority: 1, weight: 2, port: 3, target: "h" } };
  const sound = [txt, srv, { ...of, type: "PTR", data: "b" }, { ...of, type: "A", data: "10.0.0.1" }];
  const odd = [
    { ...of, type: "OPT", data: "x" },
    { ...of, type: "TXT", data: ["x"] },
    { ...of, type: "SRV", data: null },
    { ...of, type: "PTR", data: 1 },
    { ...of, type: "PTR", data: "b", class: "CH" },
    { ...of, type: "PTR", data: "b", ttl: undefined },
    { ...of, type: "PTR", data: "b", name: undefined },
    undefined,
  ];
  const message = messageFrom({
    type: "response",
    answers: [...odd, ...sound.slice(0, 2)],
    additionals: sound.slice(2),
  });
  expect(message).toEqual({
    type: "response",
    records: sound.map(({ class: _, ...record }) => record),
  });
});
