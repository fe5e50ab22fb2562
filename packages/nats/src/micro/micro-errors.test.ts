import { CODES, RpcError } from "@skein/core";
import { expect, test } from "vitest";
import type { NatsMessageHeaders } from "../nats-port.ts";
import { readError, writeError } from "./micro-errors.ts";

const as = (headers: ReadonlyMap<string, string>): NatsMessageHeaders => ({
  code: 0,
  description: "",
  names: () => [...headers.keys()],
  get: (name) => headers.get(name) ?? "",
});
const theirs = (code: string, text: string) =>
  as(
    new Map([
      ["Nats-Service-Error-Code", code],
      ["Nats-Service-Error", text],
    ]),
  );

test("ours come back as they were", () => {
  for (const code of CODES) {
    if (code === "OK") continue;
    const error = new RpcError(code, "why\nso", {
      executed: "yes",
      type: "T",
      details: { a: [1] },
      id: "x7",
    });
    const { headers, body } = writeError(error, 1000);
    expect(readError(as(headers), body)).toMatchObject({ ...error, message: "why\nso" });
    expect(readError(as(headers), new Uint8Array())).toMatchObject({ message: "why so", executed: "yes" });
  }
});

test("what was refused may be had elsewhere, or later", () => {
  const refused = writeError(
    new RpcError("UNAVAILABLE", "draining", { executed: "no", retry: "elsewhere" }),
    1000,
  );
  expect(readError(as(refused.headers), refused.body)).toMatchObject({ executed: "no", retry: "elsewhere" });
  const later = writeError(new RpcError("RESOURCE_EXHAUSTED", "busy", { executed: "no", retry: 50 }), 1000);
  expect(readError(as(later.headers), later.body)).toMatchObject({ executed: "no", retry: 50 });
});

test.each([
  ["404", "no such sum", '{"sum":7}', "NOT_FOUND", "no such sum", { sum: 7 }],
  ["500", "", "", "INTERNAL", "error 500", undefined],
  ["", "odd", "plain", "UNKNOWN", "odd", "plain"],
  ["E7", "odd", '{"code":"OK","message":"x","executed":"no"}', "UNKNOWN", "odd", expect.anything()],
  ["503", "odd", '{"code":"NOT_FOUND","message":7,"executed":"no"}', "UNAVAILABLE", "odd", expect.anything()],
])("others' %s %s with %s", (number, text, body, code, message, details) => {
  const error = readError(theirs(number, text), Buffer.from(body));
  expect(error).toMatchObject({ code, message, executed: "yes", retry: "none" });
  expect(error?.details).toEqual(details);
});

test("an answer without the headers is none; a body that does not fit is left out", () => {
  expect(readError(as(new Map([["x", "y"]])), Buffer.from("{}"))).toBe(undefined);
  expect(readError(undefined, Buffer.from("{}"))).toBe(undefined);
  const ring: Record<string, unknown> = {};
  ring.ring = ring;
  expect(writeError(new RpcError("INTERNAL", "why", { details: ring }), 1000).body.toString()).not.toBe("");
  expect(writeError(new RpcError("INTERNAL", "why"), 10).body).toHaveLength(0);
  expect(writeError(new RpcError("INTERNAL", ""), 10)).toMatchObject({ text: "500:INTERNAL" });
});
