import { inflateSync } from "node:zlib";
import { sampleInstance } from "@skein/conformance";
import { describe, expect, test } from "vitest";
import type { DnsRecord } from "../wire.ts";
import { goMicroLayout } from "./go-micro-layout.ts";
import { writeGoMicroTxt } from "./go-micro-txt.ts";
import { dotless, labelOf } from "./labels.ts";
import type { Layout, Read } from "./layout.ts";
import { skeinLayout } from "./skein-layout.ts";
import { readFields, writeFields } from "./txt-fields.ts";

const skein = skeinLayout("local");
const goMicro = goMicroLayout("micro");

function readBack(layout: Layout, records: readonly DnsRecord[]): Read {
  const txt = records.find((r) => r.type === "TXT");
  const srv = records.find((r) => r.type === "SRV");
  const [address] = records.flatMap((r) => (r.type === "A" ? [r.data] : []));
  if (txt === undefined) throw new Error("no TXT");
  return layout.read({ name: txt.name, txt: txt.data, srv: srv?.data, address });
}
const texts = (record: DnsRecord | undefined): string[] =>
  record?.type === "TXT" ? record.data.map((d) => Buffer.from(d).toString()) : [];

describe("labels", () => {
  test("have no dots, and 63 bytes at the most", () => {
    expect(dotless("billing.invoice")).toBe("billing~invoice");
    expect(labelOf("user", "~", "4f2a-1")).toBe("user~4f2a-1");
    const long = labelOf("x".repeat(63), "~", "i".repeat(128));
    expect(long.length).toBe(63);
    expect(labelOf("x".repeat(63), "~", "i".repeat(127))).not.toBe(long);
  });

  test("an id with dots or other odd characters is hashed, and so is no other's", () => {
    const label = labelOf("user", "~", "a.b");
    expect(label).toMatch(/^user~[0-9a-f]{32}$/);
    expect(labelOf("user", "~", "a-b")).toBe("user~a-b");
    expect(labelOf("user", "~", "ü")).toMatch(/^user~[0-9a-f]{32}$/);
    // "a" of "b.c" and "b~a" would else be one.
    expect(labelOf("a", "~", "b~c")).not.toBe(labelOf("a.b", "~", "c"));
  });
});

describe("TXT fields", () => {
  test("long values go on in further strings, cut anywhere", () => {
    const value = "漢字😀".repeat(100);
    const strings = writeFields([
      ["a", ""],
      ["meta", value],
      ["z", "=x="],
    ]);
    expect(strings.every((s) => s.length <= 255)).toBe(true);
    expect(readFields(strings)).toEqual(
      new Map([
        ["a", ""],
        ["meta", value],
        ["z", "=x="],
      ]),
    );
  });

  test("a missing part is no value", () => {
    const strings = writeFields([["meta", "x".repeat(1000)]]);
    for (let n = 0; n < strings.length - 1; n++)
      expect(readFields(strings.filter((_, m) => m !== n))).toBeUndefined();
  });

  test("strings that are no fields are passed over; the first of two with a key counts", () => {
    const strings = ["", "=x", "flag", "a=1", "a=2"].map((s) => Buffer.from(s));
    expect(readFields(strings)).toEqual(new Map([["a", "1"]]));
  });
});

describe("layout skein", () => {
  const instance = sampleInstance("billing.invoice", {
    id: "4f2a",
    zone: "eu",
    weight: 2.5,
    metadata: { größe: "ünï 😀", "a/b": "\n" },
    addresses: [
      { protocol: "skein", url: "tcp://10.0.0.7:8080" },
      { protocol: "odd one", url: "unix:/run/x y" },
    ],
  });
  const records = skein.records({ instance, lease: "L", written: 17 }) ?? [];

  test("golden records", () => {
    const name = "billing~invoice~4f2a._skein._tcp.local";
    const target = "ip-10-0-0-7.local";
    expect(records.slice(0, 4)).toEqual([
      { type: "PTR", name: "_skein._tcp.local", ttl: 4500, data: name },
      { type: "PTR", name: "billing~invoice._sub._skein._tcp.local", ttl: 4500, data: name },
      { type: "SRV", name, ttl: 4500, flush: true, data: { priority: 0, weight: 0, port: 8080, target } },
      { type: "A", name: target, ttl: 4500, data: "10.0.0.7" },
    ]);
    expect(texts(records[4])).toEqual([
      "txtvers=1",
      "service=billing.invoice",
      "id=4f2a",
      "version=1.0.0",
      "status=serving",
      "weight=2.5",
      "zone=eu",
      "started=2026-01-01T00:00:00.000Z",
      "lease=L",
      "written=17",
      "address0=skein tcp://10.0.0.7:8080",
      "address1=odd%20one unix:/run/x y",
      'metadata={"größe":"ünï 😀","a/b":"\\n"}',
    ]);
  });

  test("are read back whole, with the lease", () => {
    expect(readBack(skein, records)).toEqual({ own: { instance, lease: "L", written: 17 } });
  });

  test("an instance without host and port has no SRV, and is read back", () => {
    const unix = sampleInstance("user", { addresses: [{ protocol: "skein", url: "unix:/run/user.sock" }] });
    const set = skein.records({ instance: unix, lease: "L", written: 1 }) ?? [];
    expect(set.map((r) => r.type)).toEqual(["PTR", "PTR", "TXT"]);
    expect(readBack(skein, set)).toEqual({ own: { instance: unix, lease: "L", written: 1 } });
  });

  test.each([
    ["a name that is another's", (s: string[]) => s.map((t) => t.replace("id=4f2a", "id=other"))],
    ["no lease", (s: string[]) => s.filter((t) => !t.startsWith("lease="))],
    [
      "a written order that is no number",
      (s: string[]) => s.map((t) => t.replace("written=17", "written=x")),
    ],
    ["no weight", (s: string[]) => s.filter((t) => !t.startsWith("weight="))],
    ["an unknown status", (s: string[]) => s.map((t) => t.replace("serving", "asleep"))],
    ["metadata that is no JSON", (s: string[]) => s.map((t) => t.replace('"größe"', "größe"))],
    ["an address without protocol", (s: string[]) => s.map((t) => t.replace("address0=skein ", "address0="))],
    ["a service that cannot be one", (s: string[]) => s.map((t) => t.replace("billing.invoice", "../x"))],
    ["nothing", () => []],
  ])("%s: no record", (_, spoil) => {
    const txt = spoil(texts(records[4])).map((t) => Buffer.from(t));
    expect(skein.read({ name: "billing~invoice~4f2a._skein._tcp.local", txt })).toHaveProperty("fault");
  });
});

describe("layout go-micro", () => {
  const instance = sampleInstance("greeter", {
    id: "2682e002",
    version: "1.0.0",
    metadata: { team: "<a&b>" },
    addresses: [{ protocol: "http", url: "http://127.0.0.1:18080" }],
  });
  const announcement = { instance, lease: "L", written: 17 };
  const records = goMicro.records(announcement) ?? [];
  const name = "greeter-2682e002.greeter.micro";

  test("golden records", () => {
    const target = "ip-127-0-0-1.micro";
    expect(records.slice(0, 3)).toEqual([
      { type: "PTR", name: "greeter.micro", ttl: 120, data: name },
      { type: "SRV", name, ttl: 120, data: { priority: 10, weight: 1, port: 18080, target } },
      { type: "A", name: target, ttl: 120, data: "127.0.0.1" },
    ]);
    expect(records[3]).toMatchObject({ type: "TXT", name, ttl: 120 });
    expect(records.length).toBe(4);
    const strings = texts(records[3]);
    expect(strings.slice(0, -1).every((s) => s.length === 255)).toBe(true);
    expect(strings.join("")).toMatch(/^789c[0-9a-f]+$/);
    const json = inflateSync(Buffer.from(strings.join(""), "hex")).toString();
    const skeinText = JSON.stringify(announcement).replaceAll('"', '\\"');
    const ours = skeinText.replace("<a&b>", "\\u003ca\\u0026b\\u003e");
    expect(json).toBe(
      `{"Metadata":{"broker":"http","protocol":"mucp","registry":"mdns","server":"mucp","skein":"${ours}",` +
        `"team":"\\u003ca\\u0026b\\u003e","transport":"http"},"Service":"greeter","Version":"1.0.0","Endpoints":[]}`,
    );
  });

  test("golden listing", () => {
    const listed = "greeter._services.micro";
    const target = "ip-0-0-0-0.micro";
    expect(goMicro.listing("greeter")).toEqual([
      { type: "PTR", name: "_services.micro", ttl: 120, data: listed },
      { type: "SRV", name: listed, ttl: 120, data: { priority: 10, weight: 1, port: 9999, target } },
      { type: "A", name: target, ttl: 120, data: "0.0.0.0" },
      { type: "TXT", name: listed, ttl: 120, data: [new Uint8Array()] },
    ]);
    expect(goMicro.listed("_services.micro", "greeter._services.micro")).toBe("greeter");
    expect(goMicro.listed("_services.micro", "greeter.micro")).toBe("greeter");
    expect(goMicro.listed("greeter.micro", name)).toBeUndefined();
    expect(goMicro.isInstance(listed)).toBe(false);
    expect(goMicro.isInstance(name)).toBe(true);
  });

  test("ours are read back whole, with the lease", () => {
    expect(readBack(goMicro, records)).toEqual({ own: announcement });
  });

  const theirs = {
    Metadata: { broker: "http", protocol: "mucp", registry: "mdns", server: "mucp", transport: "http" },
    Service: "greeter",
    Version: "1.0.0",
    Endpoints: [{ name: "Greeter.Hello", request: null, response: null, metadata: {} }],
  };
  const srv = { priority: 10, weight: 1, port: 18080, target: "host" };

  test("Go Micro's own are read", () => {
    const found = { name: "greeter-9.greeter.micro", txt: writeGoMicroTxt(theirs), srv, address: "10.0.0.9" };
    expect(goMicro.read(found)).toEqual({
      foreign: {
        service: "greeter",
        version: "1.0.0",
        id: "greeter-9",
        addresses: [{ protocol: "go-micro", url: "http://10.0.0.9:18080" }],
        weight: 1,
        status: "serving",
        startedAt: "1970-01-01T00:00:00.000Z",
        metadata: theirs.Metadata,
      },
    });
    const grpc = { ...theirs, Metadata: { protocol: "grpc" }, Version: "" };
    expect(goMicro.read({ ...found, txt: writeGoMicroTxt(grpc), address: "fd00::9" })).toMatchObject({
      foreign: { version: "0.0.0", addresses: [{ protocol: "grpc", url: "tcp://[fd00::9]:18080" }] },
    });
  });

  test("what is not yet known is said to lack", () => {
    const txt = writeGoMicroTxt(theirs);
    expect(goMicro.read({ name: "greeter-9.greeter.micro", txt })).toEqual({ lacks: "srv" });
    expect(goMicro.read({ name: "greeter-9.greeter.micro", txt, srv })).toEqual({ lacks: "address" });
  });

  test.each([
    ["no hex", [Buffer.from("hello")]],
    ["nothing", []],
    ["no zlib", [Buffer.from("00ff")]],
    ["of another service", writeGoMicroTxt({ ...theirs, Service: "user" })],
    ["of an odd service", writeGoMicroTxt({ ...theirs, Service: "../x" })],
    ["of no service", writeGoMicroTxt({})],
    ["a bomb", writeGoMicroTxt({ ...theirs, more: "0".repeat(10_000_000) })],
  ])("TXT is %s: no record", (_, txt) => {
    expect(goMicro.read({ name: "greeter-9.greeter.micro", txt, srv, address: "10.0.0.9" })).toHaveProperty(
      "fault",
    );
  });

  test("nobody could call what has neither host nor port", () => {
    const unix = sampleInstance("user", { addresses: [{ protocol: "skein", url: "unix:/run/user.sock" }] });
    expect(goMicro.records({ instance: unix, lease: "L", written: 1 })).toBeUndefined();
  });
});
