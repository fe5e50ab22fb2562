import { expect, test } from "vitest";
import { authorizationOf, credentialsOf } from "./credentials.ts";
import { socketAddress } from "./socket-address.ts";

test.each([
  [undefined, undefined],
  ["", undefined],
  ["Bearer abc", "abc"],
  ["bearer   abc", "abc"],
  ["Basic dTpw", "Basic dTpw"],
])("authorization %j is the credentials %j", (authorization, credentials) => {
  expect(credentialsOf({ authorization })).toBe(credentials);
});

test.each([
  ["abc", "Bearer abc"],
  ["a.b-c==", "Bearer a.b-c=="],
  ["Bearer abc", "Bearer abc"],
  ["Basic dTpw", "Basic dTpw"],
])("credentials %j are the authorization %j", (credentials, authorization) => {
  expect(authorizationOf(credentials)).toBe(authorization);
  expect(authorizationOf(credentialsOf({ authorization }) as string)).toBe(authorization);
});

test("a peer's address", () => {
  expect(socketAddress({ remoteAddress: "10.0.0.1", remotePort: 80 })).toBe("10.0.0.1:80");
  expect(socketAddress({ remoteAddress: "::1", remotePort: 80 })).toBe("[::1]:80");
  expect(socketAddress({})).toBe("unix");
});
