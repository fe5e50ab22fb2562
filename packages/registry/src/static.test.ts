import { registryConformance } from "@skein/conformance";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { createStaticRegistry } from "./static.ts";

registryConformance("static", () => {
  const runtime = createFakeRuntime();
  const no = false;
  return {
    abilities: { writes: no, expires: no, shared: no, plantable: no, revocable: no, cuttable: no },
    runtime,
    ttlMs: 2000,
    connect: () => createStaticRegistry("static://user=10.0.0.1:8080"),
    pass: (ms) => runtime.clock.advanceAsync(ms),
    close: async () => {},
  };
});

test("services, versions, several addresses, IPv6, Unix sockets", async () => {
  const r = createStaticRegistry("static://user@1.2.0=10.0.0.1:8080,[::1]:8081;order=unix:/run/order.sock");
  expect(await r.list()).toEqual([
    { name: "order", versions: ["0.0.0"], instances: 1 },
    { name: "user", versions: ["1.2.0"], instances: 2 },
  ]);
  const { instances } = await r.get("user");
  expect(instances.map((i) => [i.id, i.version, i.addresses[0]?.url])).toEqual([
    ["static:tcp://10.0.0.1:8080", "1.2.0", "tcp://10.0.0.1:8080"],
    ["static:tcp://[::1]:8081", "1.2.0", "tcp://[::1]:8081"],
  ]);
  expect((await r.get("order")).instances[0]?.addresses).toEqual([
    { protocol: "skein", url: "unix:/run/order.sock" },
  ]);
  const grpc = createStaticRegistry("static://user=grpc://10.0.0.1:50051,grpcs://a:443");
  expect((await grpc.get("user")).instances.map((i) => i.addresses)).toEqual([
    [{ protocol: "grpc", url: "grpc://10.0.0.1:50051" }],
    [{ protocol: "grpc", url: "grpcs://a:443" }],
  ]);
  await expect(r.lease({ ttlMs: 1000 })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "a static registry is read-only: services cannot announce themselves there",
  });
  const first = await r
    .watch("user", { signal: new AbortController().signal })
    [Symbol.asyncIterator]()
    .next();
  expect(first.value.instances.length).toBe(2);
  await r.close();
});

test.each([
  ["static:", "static: names no service: give static://user="],
  ["static://user", 'static registry: "user" is not name=address'],
  ["static://user=", 'static registry: "user=" is not name=address'],
  ["static://user=nowhere", 'static registry: "nowhere" of user is no address'],
  ["static://user=a:99999", 'static registry: "a:99999" of user is no address'],
  ["static://User=a:1", 'static registry: "User=a:1": the service name "User" cannot be a key in a registry'],
  ["static://user@1/2=a:1", 'static registry: "user@1/2=a:1": the version "1/2" cannot be a key'],
  ["static://user=a:0", 'static registry: "a:0" of user is no address'],
  ["static://user=::1:80", 'static registry: "::1:80" of user is no address'],
  ["static://user=a:1;user=tcp://a:1", 'static registry: "tcp://a:1" of user is there twice: remove one'],
  ["static://user=a:1;;order=b:1", 'static registry: "" is not name=address'],
  ["static://user=a:1,,b:2", 'static registry: "" of user is no address'],
])("%s is refused", (url, message) => expect(() => createStaticRegistry(url)).toThrow(message));

test("a service may be named again", async () => {
  const r = createStaticRegistry("static://user=a:1;order=c:1;user=b:2");
  expect((await r.get("user")).instances.map((i) => i.id)).toEqual(["static:tcp://a:1", "static:tcp://b:2"]);
});
