import { sampleInstance } from "@skein/conformance";
import type { Instance } from "@skein/core";
import { beforeEach, expect, test } from "vitest";
import { goMicroLayout } from "./records/go-micro-layout.ts";
import { skeinLayout } from "./records/skein-layout.ts";
import { Responder } from "./responder.ts";

const user = sampleInstance("user", { id: "u" });
const layouts = [skeinLayout("local"), goMicroLayout("micro")];
const bySkein = "0 user u";
const byGoMicro = "1 user u";
let responder: Responder;
beforeEach(() => {
  responder = new Responder(layouts);
});

function put(instance: Instance, lease = "A", expiresAt = 10_000): void {
  const announcement = { instance, lease, written: 1 };
  responder.put(
    announcement,
    layouts.map((layout) => layout.records(announcement)),
    () => expiresAt,
  );
}
const ask = (name: string): readonly string[] => responder.answer({ name, type: "PTR" });

test.each([
  ["its service", "user._sub._skein._tcp.local", bySkein],
  ["all services", "_skein._tcp.local", bySkein],
  ["itself", "user~u._skein._tcp.local", bySkein],
  ["its host", "ip-127-0-0-1.local", bySkein],
  ["its service, as Go Micro asks", "user.micro", byGoMicro],
  ["itself, as Go Micro names it", "user-u.user.micro", byGoMicro],
  ["it in capitals, with a dot", "USER~U._SKEIN._TCP.LOCAL.", bySkein],
])("an instance answers for %s, in that layout", (_, name, key) => {
  put(user);
  expect(ask(name)).toEqual([key]);
  expect(responder.set(key, 0).length).toBeGreaterThan(3);
});

test("nobody else's questions are answered", () => {
  put(user);
  const names = [
    "user-admin._sub._skein._tcp.local",
    "user._skein._tcp.local",
    "local",
    "micro",
    "",
    "users.micro",
  ];
  for (const name of names) expect(ask(name), name).toEqual([]);
});

test("listings name each service once", () => {
  put(user);
  put(sampleInstance("user"));
  put(sampleInstance("billing"));
  const records = ask("_services.micro").flatMap((key) => responder.set(key, 0));
  expect(records.filter((r) => r.type === "PTR").map((r) => r.data)).toEqual([
    "user._services.micro",
    "billing._services.micro",
  ]);
  const [meta] = ask("_services._dns-sd._udp.local").flatMap((key) => responder.set(key, 0));
  expect(meta).toMatchObject({ data: "_skein._tcp.local" });
});

test("the TTL is what the lease still has, to the nearest second, and never more than the layout's", () => {
  put(user, "A", 200_500);
  const ttls = (key: string, now: number): number[] => [
    ...new Set(responder.set(key, now).map((r) => r.ttl)),
  ];
  expect(ttls(bySkein, 0)).toEqual([201]);
  expect(ttls(byGoMicro, 0)).toEqual([120]);
  expect(ttls(byGoMicro, 150_000)).toEqual([51]);
  expect(ttls(byGoMicro, 150_100)).toEqual([50]);
  expect(ttls(bySkein, 200_000)).toEqual([1]);
  expect(ttls(bySkein, 200_100)).toEqual([]);
});

test("a goodbye says TTL 0 of all but addresses, which others share", () => {
  put(user);
  expect(responder.keysOf("user", "u")).toEqual([bySkein, byGoMicro]);
  const gone = responder.remove("user", "u", "A");
  expect(gone.map((set) => set.map((r) => `${r.type} ${r.ttl}`))).toEqual([
    ["PTR 0", "PTR 0", "SRV 0", "TXT 0"],
    ["PTR 0", "SRV 0", "TXT 0"],
  ]);
  expect(responder.remove("user", "u", "A")).toEqual([]);
  expect(ask("user._sub._skein._tcp.local")).toEqual([]);
  expect(ask("_services.micro")).toEqual([]);
  expect(responder.set(bySkein, 0)).toEqual([]);
});

test("another lease's record is not removed", () => {
  put(user, "A");
  put({ ...user, weight: 2 }, "B");
  expect(responder.remove("user", "u", "A")).toEqual([]);
  expect(responder.has("user", "u")).toBe(true);
});

test("what one layout cannot hold stands in the other", () => {
  put(sampleInstance("user", { id: "u", addresses: [{ protocol: "skein", url: "unix:/run/x" }] }));
  expect(responder.keysOf("user", "u")).toEqual([bySkein]);
  expect(ask("user.micro")).toEqual([]);
});
