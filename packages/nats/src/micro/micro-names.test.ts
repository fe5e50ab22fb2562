import { expect, test } from "vitest";
import { endpointSubject, isEndpointSubject, isReply, microName, microVersion } from "./micro-names.ts";

test.each([
  ["1.2.3", "1.2.3"],
  ["1.2.3-rc.1+b.7", "1.2.3-rc.1+b.7"],
  ["v1", "1.0.0"],
  ["1.2", "1.2.0"],
  ["2024-06", "0.0.0"],
  ["01.2.3", "1.2.3"],
  ["blue", "0.0.0"],
])("version %s is %s", (ours, theirs) => {
  expect(microVersion(ours)).toBe(theirs);
});

test.each([
  ["user", "user"],
  ["billing.invoice", "billing_invoice"],
  ["a b", undefined],
  ["a\r\nPUB x", undefined],
  ["$SRV", undefined],
  ["", undefined],
])("service %j is %j", (ours, theirs) => {
  expect(microName(ours)).toBe(theirs);
});

test("subjects", () => {
  expect(endpointSubject(["shop"], "user", "getUser")).toBe("shop.user.getUser");
  for (const method of ["a b", "a\r\nb", "*", ">", "a..b", "", "x".repeat(250)])
    expect(endpointSubject([], "user", method)).toBe(undefined);
  for (const subject of ["a.b", "Calc-1.add_2"]) expect(isEndpointSubject(subject)).toBe(true);
  for (const subject of ["$JS.API.X", "a.>", "a b", "", 7, undefined, "a.b\r\n"])
    expect(isEndpointSubject(subject)).toBe(false);
  for (const reply of ["_INBOX.a.1", "my inbox".replace(" ", "-"), "_R_.é.x", "a.$b"])
    expect(isReply(reply)).toBe(true);
  for (const reply of [undefined, "", "$SYS.x", "a.>", "a b", "a\n", "a..b", ".", "a."])
    expect(isReply(reply)).toBe(false);
});
