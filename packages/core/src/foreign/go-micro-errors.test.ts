import { describe, expect, test } from "vitest";
import { CODES, RpcError } from "../errors/rpc-error.ts";
import { fromGoMicroError, toGoMicroError } from "./go-micro-errors.ts";

describe("an error of ours as Go Micro's", () => {
  test.each([
    ["INVALID_ARGUMENT", 400, "Bad Request"],
    ["UNAUTHENTICATED", 401, "Unauthorized"],
    ["PERMISSION_DENIED", 403, "Forbidden"],
    ["NOT_FOUND", 404, "Not Found"],
    ["DEADLINE_EXCEEDED", 408, "Request Timeout"],
    ["ALREADY_EXISTS", 409, "Conflict"],
    ["ABORTED", 409, "Conflict"],
    ["INTERNAL", 500, "Internal Server Error"],
    ["UNIMPLEMENTED", 501, "Not Implemented"],
    ["UNAVAILABLE", 503, "Service Unavailable"],
  ] as const)("%s is %d", (code, number, status) => {
    expect(toGoMicroError(new RpcError(code, "bad name Bob"), "greeter.Fail")).toEqual({
      id: "greeter.Fail",
      code: number,
      detail: "bad name Bob",
      status,
    });
  });

  test("UNKNOWN is a plain text, which is never empty and never looks typed", () => {
    expect(toGoMicroError(new RpcError("UNKNOWN", "plain failure for Bob"), "a.B")).toBe(
      "plain failure for Bob",
    );
    expect(toGoMicroError(new RpcError("UNKNOWN", ""), "a.B")).toBe("unknown error");
    expect(toGoMicroError(new RpcError("UNKNOWN", '{"code":404}'), "a.B")).toBe('UNKNOWN: {"code":404}');
  });

  test("a typed error's name is in its id", () => {
    const gone = new RpcError("NOT_FOUND", "gone", { type: "USER_GONE" });
    expect(toGoMicroError(gone, "user.GetUser")).toMatchObject({ id: "user.USER_GONE", code: 404 });
  });

  test("a long message is cut", () => {
    expect(toGoMicroError(new RpcError("UNKNOWN", "x".repeat(10_000)), "a.B")).toHaveLength(4096);
  });
});

describe("an error of Go Micro's as ours", () => {
  test.each([
    [400, "INVALID_ARGUMENT"],
    [401, "UNAUTHENTICATED"],
    [403, "PERMISSION_DENIED"],
    [404, "NOT_FOUND"],
    [408, "DEADLINE_EXCEEDED"],
    [409, "ALREADY_EXISTS"],
    [500, "INTERNAL"],
    [501, "UNIMPLEMENTED"],
    [503, "UNAVAILABLE"],
    [418, "UNKNOWN"],
  ])("%d is %s, said by the handler", (code, ours) => {
    const text = `{"id":"greeter.Fail","code":${code},"detail":"bad name Bob","status":"Bad Request"}`;
    const error = fromGoMicroError(text);
    expect(error).toMatchObject({ code: ours, message: "bad name Bob", executed: "yes", retry: "none" });
    expect(error.details).toEqual(JSON.parse(text));
  });

  test.each([
    ["plain failure for Bob", "UNKNOWN", "yes", "plain failure for Bob"],
    ["rpc: can't find method Nope", "UNIMPLEMENTED", "no", "rpc: can't find method Nope"],
    ["rpc: can't find service Nope", "UNIMPLEMENTED", "no", "rpc: can't find service Nope"],
    ['{"id":"x","code":500,"detail":"rpc: can\'t find service Nope","status":""}', "UNIMPLEMENTED", "no"],
    ["{", "UNKNOWN", "yes", "{"],
    ["{}", "UNKNOWN", "yes", "{}"],
    ['{"code":"4"}', "UNKNOWN", "yes", '{"code":"4"}'],
    ['{"detail":"so"}', "UNKNOWN", "yes", "so"],
    ['{"code":404}', "NOT_FOUND", "yes", "code 404"],
    ['{"code":404,"id":7,"status":"Not Found"}', "NOT_FOUND", "yes", "Not Found"],
  ])("%s", (text, code, executed, message = expect.any(String)) => {
    expect(fromGoMicroError(text)).toMatchObject({ code, executed, message });
  });

  test("whatever we tell comes back as what it was, as far as the numbers go", () => {
    for (const code of CODES) {
      if (code === "OK") continue;
      const told = toGoMicroError(new RpcError(code, "why"), "user.GetUser");
      const heard = fromGoMicroError(typeof told === "string" ? told : JSON.stringify(told));
      const merged = { ABORTED: "ALREADY_EXISTS", OUT_OF_RANGE: "INVALID_ARGUMENT", DATA_LOSS: "INTERNAL" };
      expect(heard).toMatchObject({ code: merged[code as "ABORTED"] ?? code, message: "why" });
    }
  });
});
