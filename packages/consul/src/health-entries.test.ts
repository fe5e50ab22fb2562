import { sampleInstance } from "@skein/conformance";
import { expect, test } from "vitest";
import { entriesOf, type HealthEntry, instancesIn } from "./health-entries.ts";
import { type Meta, metaOf } from "./meta-record.ts";
import { registrationOf, serviceId } from "./registration.ts";
import { ServiceNames } from "./service-names.ts";

const names = new ServiceNames(undefined);
const one = sampleInstance("user");

function entry(id: string, meta: Meta, statuses: readonly string[] = ["passing"], port = 8080): HealthEntry {
  return {
    Node: { Address: "10.0.0.1" },
    Service: { ID: id, Address: "", Port: port, Meta: meta },
    Checks: statuses.map((text) => {
      const [Status = "", Output = ""] = text.split(": ");
      return { Status, Output };
    }),
  };
}
const ours = (written: number, weight = 1, of = names, status = one.status): Meta =>
  registrationOf({ ...one, weight, status }, "x", written, {
    names: of,
    check: "ttl",
    ttlMs: 1000,
    deregisterMs: 60_000,
  }).Meta;

test("of several records of an instance the one that was written last, whatever the order", () => {
  const all = [entry("a", ours(1, 1)), entry("b", ours(3, 3)), entry("c", ours(2, 2))];
  for (const entries of [all, [...all].reverse()])
    expect(instancesIn(entries, "user", names).instances.map((i) => i.weight)).toEqual([3]);
});

test("a record that is critical does not stand in for one that is well", () => {
  const entries = [entry("a", ours(1, 1)), entry("b", ours(2, 2), ["passing", "critical"])];
  expect(instancesIn(entries, "user", names).instances.map((i) => i.weight)).toEqual([1]);
});

test("what is not ready is critical, and seen as such; what has died is not", () => {
  const ill = ours(1, 1, names, "not-ready");
  const seen = (meta: Meta, status: string) => instancesIn([entry("a", meta, [status])], "user", names);
  expect(seen(ill, "critical").instances).toEqual([{ ...one, status: "not-ready" }]);
  expect(seen(ill, "critical: TTL expired (last output before timeout follows)").instances).toEqual([]);
  expect(seen(ours(1), "critical").instances).toEqual([]);
  expect(seen(ours(1, 1, names, "draining"), "critical").instances).toEqual([]);
});

test("a warning hides what others registered, not what is ours", () => {
  const entries = [entry("a", ours(1), ["passing", "warning"]), entry("b", {}, ["warning"])];
  expect(instancesIn(entries, "user", names).instances.map((i) => i.id)).toEqual([one.id]);
});

test("what others registered: where it is, and what Meta says", () => {
  const meta = { protocol: "http", version: "1.2.0", zone: "eu", weight: "3", team: "a" };
  const { instances, malformed } = instancesIn([entry("web", meta), entry("bare", {})], "user", names);
  expect(instances).toEqual([
    {
      service: "user",
      version: "1.2.0",
      id: "static:http://10.0.0.1:8080",
      addresses: [{ protocol: "http", url: "http://10.0.0.1:8080" }],
      zone: "eu",
      weight: 3,
      status: "serving",
      startedAt: "1970-01-01T00:00:00.000Z",
      metadata: meta,
    },
    {
      service: "user",
      version: "0.0.0",
      id: "static:tcp://10.0.0.1:8080",
      addresses: [{ protocol: "skein", url: "tcp://10.0.0.1:8080" }],
      weight: 1,
      status: "serving",
      startedAt: "1970-01-01T00:00:00.000Z",
      metadata: {},
    },
  ]);
  expect(malformed.size).toBe(0);
});

test("odd Meta of others does no harm", () => {
  const { instances } = instancesIn(
    [entry("a", { version: "no version", weight: "heavy", zone: "" })],
    "user",
    names,
  );
  expect(instances).toMatchObject([{ version: "0.0.0", weight: 1 }]);
  expect(instances[0]).not.toHaveProperty("zone");
});

test("what is none is skipped and named, and the others are found", () => {
  const torn = { ...ours(1), "skein-0": "{" };
  const other = metaOf({ instance: { ...one, service: "other" }, written: 1 }) as Meta;
  const entries = [
    entry("torn", torn),
    entry("other", other),
    entry("bare", {}, [], 0),
    entry("good", ours(1)),
  ];
  const { instances, malformed } = instancesIn(entries, "user", names);
  expect(instances.map((i) => i.id)).toEqual([one.id]);
  expect([...malformed.keys()]).toEqual(["user/torn", "user/other", "user/bare"]);
});

test("namespaces: no one's are another's, also where names meet", () => {
  const [a, ab] = [new ServiceNames("a"), new ServiceNames("a--b")];
  expect(a.inConsul("b--c")).toBe(ab.inConsul("c"));
  const entries = [entry("1", ours(1, 1, ab)), entry("2", ours(1, 1, names))];
  expect(instancesIn(entries, "user", a)).toEqual({ instances: [], malformed: new Map() });
  expect(instancesIn(entries, "user", ab).instances.length).toBe(1);
  expect(instancesIn(entries, "user", names).instances.length).toBe(1);
  expect(a.fromConsul("a--user")).toBe("user");
  expect(a.fromConsul("user")).toBeUndefined();
  expect(names.fromConsul("consul")).toBeUndefined();
  expect(names.fromConsul("Odd Name")).toBeUndefined();
});

test.each([[null], [{}], ["x"], [[null]], [[{ Service: {} }]], [[{ Service: { ID: "a" }, Checks: {} }]]])(
  "%j is no list of entries",
  (body) => expect(entriesOf(body)).toBeUndefined(),
);

test("null where Go has an empty list or map", () => {
  const body = [{ Node: null, Service: { ID: "a", Meta: null }, Checks: null }];
  expect(entriesOf(body)).toEqual([
    { Node: { Address: "" }, Service: { ID: "a", Address: "", Port: 0, Meta: {} }, Checks: [] },
  ]);
});

test("ids of services need no escape, and stay different", () => {
  const ids = ["a:b", "a_b", "a_3a_b", "ü", "😀", "a.b-c"].map((id) => serviceId(id, "t"));
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9._-]+$/);
});

test("registrations: the address of skein, tags, shares, checks", () => {
  const options = { names, check: "ttl", ttlMs: 15_000, deregisterMs: 60_000 } as const;
  const addresses = [
    { protocol: "http", url: "http://10.0.0.1:80" },
    { protocol: "skein", url: "tcp://[fd00::1]:8080" },
  ];
  const i = { ...one, addresses, zone: "eu", weight: 2.4 };
  expect(registrationOf(i, "x", 1, options)).toMatchObject({
    ID: "x",
    Name: "user",
    Address: "fd00::1",
    Port: 8080,
    Tags: ["version=1.0.0", "weight=2.4", "zone=eu"],
    Weights: { Passing: 2, Warning: 0 },
    Check: { TTL: "15000ms", Status: "passing", DeregisterCriticalServiceAfter: "60000ms" },
  });
  expect(registrationOf({ ...i, status: "draining", weight: 0 }, "x", 1, options)).toMatchObject({
    Weights: { Passing: 1 },
    Check: { Status: "warning" },
  });
  expect(registrationOf({ ...i, status: "not-ready" }, "x", 1, options)).toMatchObject({
    Check: { Status: "critical", DeregisterCriticalServiceAfter: "3600000ms" },
  });
  expect(registrationOf(i, "x", 1, { ...options, check: "http" }).Check).toMatchObject({
    HTTP: "http://[fd00::1]:8080/health/ready",
    Interval: "10s",
    Timeout: "5s",
  });
  const unix = { ...i, addresses: [{ protocol: "skein", url: "unix:/run/a.sock" }] };
  expect(registrationOf(unix, "x", 1, options)).not.toHaveProperty("Port");
  expect(() => registrationOf(unix, "x", 1, { ...options, check: "http" })).toThrow(
    expect.objectContaining({ code: "INVALID_ARGUMENT" }),
  );
});
