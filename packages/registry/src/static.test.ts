import { expect, test } from "vitest";
import { createStaticRegistry } from "./static.ts";

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
  expect((await r.get("order")).instances[0]?.addresses[0]?.url).toBe("unix:/run/order.sock");
  await expect(r.lease({ ttlMs: 1000 })).rejects.toThrow("a static registry is read-only");
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
  ["static://user=a:1,,b:2", 'static registry: "" of user is no address'],
])("%s is refused", (url, message) => expect(() => createStaticRegistry(url)).toThrow(message));
