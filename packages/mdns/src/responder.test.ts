import { sampleInstance } from "@skein/conformance";
import type { Instance } from "@skein/core";
import { beforeEach, expect, test } from "vitest";
import { goMicroLayout } from "./records/go-micro-layout.ts";
import { skeinLayout } from "./records/skein-layout.ts";
import { Responder } from "./responder.ts";

const user = sampleInstance("user", { id: "u" });
let responder: Responder;
beforeEach(() => {
  responder = new Responder([skeinLayout("local"), goMicroLayout("micro")]);
});

function put(instance: Instance, lease = "A", expiresAt = 10_000): string {
  const announcement = { instance, lease, written: 1 };
  return responder.put(announcement, responder.recordsOf(announcement), () => expiresAt);
}
const ask = (name: string): readonly string[] => responder.answer({ name, type: "PTR" });

test.each([
  ["its service", "user._sub._skein._tcp.local"],
  ["all services", "_skein._tcp.local"],
  ["itself", "user~u._skein._tcp.local"],
  ["its host", "ip-127-0-0-1.local"],
  ["its service, as Go Micro asks", "user.micro"],
  ["itself, as Go Micro names it", "user-u.user.micro"],
  ["it in capitals, with a dot", "USER~U._SKEIN._TCP.LOCAL."],
])("an instance answers for %s", (_, name) => {
  const key = put(user);
  expect(ask(name)).toEqual([key]);
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
  const records = ask("_services.micro").flatMap((key) => responder.records(key, 0));
  expect(records.filter((r) => r.type === "PTR").map((r) => r.data)).toEqual([
    "user._services.micro",
    "billing._services.micro",
  ]);
  const [meta] = ask("_services._dns-sd._udp.local").flatMap((key) => responder.records(key, 0));
  expect(meta).toMatchObject({ data: "_skein._tcp.local" });
});

test("the TTL is what the lease still has, in seconds, and never more than the layout's", () => {
  const key = put(user, "A", 200_500);
  const ttls = (now: number): number[] => [...new Set(responder.records(key, now).map((r) => r.ttl))];
  expect(ttls(0)).toEqual([201, 120]);
  expect(ttls(150_000)).toEqual([51]);
  expect(ttls(200_400)).toEqual([1]);
  expect(ttls(200_500)).toEqual([]);
});

test("a goodbye says TTL 0 of all but addresses, which others share", () => {
  const key = put(user);
  const gone = responder.remove(key, "A");
  expect(gone.map((r) => [r.type, r.ttl])).toEqual([
    ["PTR", 0],
    ["PTR", 0],
    ["SRV", 0],
    ["TXT", 0],
    ["PTR", 0],
    ["SRV", 0],
    ["TXT", 0],
  ]);
  expect(responder.remove(key, "A")).toEqual([]);
  expect(ask("user._sub._skein._tcp.local")).toEqual([]);
  expect(ask("_services.micro")).toEqual([]);
  expect(responder.records(key, 0)).toEqual([]);
});

test("another lease's record is not removed", () => {
  const key = put(user, "A");
  put({ ...user, weight: 2 }, "B");
  expect(responder.remove(key, "A")).toEqual([]);
  expect(responder.has(key)).toBe(true);
});
