import { expect, test } from "vitest";
import { methodNameFault, nameOfClass, serviceNameFault, versionFault } from "./names.ts";

test.each(["user", "a", "7", "user-profile", "user_profile", "billing.invoice", "a--b", "x".repeat(63)])(
  "the service name %j",
  (name) => expect(serviceNameFault(name)).toBeUndefined(),
);
test.each([
  "",
  "User",
  "-a",
  "a-",
  "_a",
  "a.",
  ".a",
  "a..b",
  "a.-b",
  "a/b",
  "a b",
  "a\u0000",
  "a\n",
  "é",
  "*",
  ">",
  "x".repeat(64),
  5,
])("no service name: %j", (name) =>
  expect(serviceNameFault(name)).toMatch(/^the service name .+ cannot be a key in a registry: use /),
);
test.each(["0.0.0", "1.2.3-rc.1", "1.0.0+build.5", "v1", "2", "2026-11-21"])("the version %j", (version) =>
  expect(versionFault(version)).toBeUndefined(),
);
test.each(["", "1/2", "^1", "~1", "1 2", "1.x.", "-1", "x".repeat(64), 1, undefined])(
  "no version: %j",
  (version) => expect(versionFault(version)).toMatch(/^the version .+ cannot be a key in a registry: use /),
);
test.each(["get", "getUser", "_get", "user.get", "GetUser", "get-user", "x".repeat(128)])(
  "the method %j",
  (name) => expect(methodNameFault(name)).toBeUndefined(),
);

test.each([
  ["UserService", "user"],
  ["UserProfileService", "user-profile"],
  ["HTTPGate", "http-gate"],
  ["UserAPIService", "user-api"],
  ["V2Orders", "v2-orders"],
  ["Services", "services"],
])("a class %s is the service %s", (type, name) => {
  expect(nameOfClass(type)).toBe(name);
  expect(serviceNameFault(name)).toBeUndefined();
});
