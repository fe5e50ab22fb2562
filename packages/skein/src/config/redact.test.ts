import { describe, expect, test } from "vitest";
import { redactUrl } from "./redact.ts";

describe("redactUrl", () => {
  test.each([
    ["etcd://a:2379,b:2379", "etcd://a:2379,b:2379"],
    ["etcd://root:s3cret@a:2379,b:2379", "etcd://***@a:2379,b:2379"],
    ["etcd://root:a/b@c?d@host:2379/prefix", "etcd://***@host:2379/prefix"],
    ["nats://token123@n:4222", "nats://***@n:4222"],
    ["consul://h:8500?token=abc&dc=eu", "consul://h:8500?token=***&dc=eu"],
    ["http://h/?x-api-key=abc#access_token=def", "http://h/?x-api-key=***#access_token=***"],
    ["static://user@1.2.0=10.0.0.1:8080", "static://user@1.2.0=10.0.0.1:8080"],
    ["could not reach etcd://u:p@h: refused", "could not reach etcd://***@h: refused"],
    ["Authorization: Bearer abc.def.ghi", "Authorization: Bearer ***"],
    ["at file:///app/node_modules/@skein/core/x.js:1:2", "at file:///app/node_modules/@skein/core/x.js:1:2"],
    ["local:/run/skein", "local:/run/skein"],
    ["tcp://0.0.0.0:8080", "tcp://0.0.0.0:8080"],
  ])("%s", (given, expected) => expect(redactUrl(given)).toBe(expected));
});
