import { expect, test } from "vitest";
import { parseConsulUrl } from "./consul-url.ts";

test("defaults", () =>
  expect(parseConsulUrl("consul://")).toEqual({
    name: "consul://",
    base: "http://localhost:8500",
    token: undefined,
    dc: undefined,
    check: "ttl",
    deregisterMs: 60_000,
    pollMs: undefined,
    timeoutMs: 5000,
  }));

test("all of it, without the token in its name", () =>
  expect(
    parseConsulUrl(
      "consuls://s%40cret@[::1]:443?dc=eu&check=http&deregisterAfter=5m&watch=poll&interval=10s&timeout=2s",
    ),
  ).toEqual({
    name: "consuls://***@[::1]:443?dc=eu&check=http&deregisterAfter=5m&watch=poll&interval=10s&timeout=2s",
    base: "https://[::1]:443",
    token: "s@cret",
    dc: "eu",
    check: "http",
    deregisterMs: 300_000,
    pollMs: 10_000,
    timeoutMs: 2000,
  }));

test.each([
  ["consul://h?timeout=500ms", "timeout=500ms is too short: give 1s or more"],
  ["consul://h?watch=poll&interval=4s", "interval=4s is too short: give 5s or more"],
  ["consul://h?interval=10s", "interval= is for polls: add watch=poll"],
  ["consul://h?watch=push", "watch=push is not block or poll"],
  ["consul://h?check=tcp", "check=tcp is not ttl or http"],
  ["consul://h?tokn=x", 'the parameter "tokn" is unknown'],
  ["consul://h:8500,i:8500", "there is more than one host"],
  ["consul://h/v1", 'the path "/v1" is not understood'],
  ["consul://me:secret@h", "Consul knows tokens only"],
  ["consul://a%0ab@h", "the token has characters that no token has"],
])("%s is refused", (url, fault) => {
  expect(() => parseConsulUrl(url)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  expect(() => parseConsulUrl(url)).toThrow(fault);
  expect(() => parseConsulUrl(url)).not.toThrow("secret");
});
