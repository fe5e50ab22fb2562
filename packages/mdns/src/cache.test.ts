import { sampleInstance } from "@skein/conformance";
import type { Instance } from "@skein/core";
import { beforeEach, describe, expect, test } from "vitest";
import { Cache } from "./cache.ts";
import type { SweepRules } from "./claims.ts";
import { goMicroLayout } from "./records/go-micro-layout.ts";
import { writeGoMicroTxt } from "./records/go-micro-txt.ts";
import type { Layout } from "./records/layout.ts";
import { skeinLayout } from "./records/skein-layout.ts";
import type { DnsRecord } from "./wire.ts";

const skein = skeinLayout("local");
const goMicro = goMicroLayout("micro");
const user = sampleInstance("user", { id: "u" });
const watched: SweepRules = { watched: () => true, frozen: false };

let changes: string[];
let cache: Cache;
beforeEach(() => {
  changes = [];
  cache = new Cache([skein, goMicro], (service) => changes.push(service));
});

function said(
  instance: Instance,
  given: { lease?: string; written?: number; ttl?: number; by?: Layout } = {},
) {
  const { lease = "A", written = 1, ttl = 10, by = skein } = given;
  return (by.records({ instance, lease, written }) ?? []).map((r): DnsRecord => ({ ...r, ttl }));
}
const ids = (service = "user"): string[] => cache.instances(service).map((i) => i.id);
const only = (records: readonly DnsRecord[], ...types: string[]): DnsRecord[] =>
  records.filter((r) => types.includes(r.type));

const theirs = { Metadata: { protocol: "mucp" }, Service: "user", Version: "1.0.0", Endpoints: null };
function goMicroRecords(
  id: string,
  given: { ttl?: number; target?: string; port?: number } = {},
): DnsRecord[] {
  const { ttl = 120, target = "machine", port = 8080 } = given;
  const name = `${id}.user.micro`;
  return [
    { type: "PTR", name: "user.micro", ttl, data: name },
    { type: "SRV", name, ttl, data: { priority: 10, weight: 1, port, target } },
    { type: "A", name: target, ttl, data: "10.0.0.9" },
    { type: "TXT", name, ttl, data: writeGoMicroTxt(theirs) },
  ];
}

describe("the cache", () => {
  test("answers become instances, of each layout", () => {
    cache.take(said(user), 0);
    cache.take(said(sampleInstance("user", { id: "v" }), { by: goMicro }), 0);
    cache.take(goMicroRecords("g"), 0);
    expect(ids()).toEqual(["u", "v", "g"]);
    expect(cache.instances("user")[0]).toEqual(user);
    expect(cache.services).toEqual(["user"]);
    expect(changes).toEqual(["user", "user", "user"]);
    expect(cache.revision).toBe(3);
  });

  test("an instance in both layouts is one, and its goodbye in one is enough", () => {
    cache.take([...said(user), ...said(user, { by: goMicro })], 0);
    expect(ids()).toEqual(["u"]);
    cache.take(said(user, { ttl: 0 }), 1);
    expect(ids()).toEqual([]);
    cache.take(said(user, { by: goMicro }), 2);
    expect(ids()).toEqual([]);
  });

  test("duplicates change nothing", () => {
    for (let n = 0; n < 10; n++) cache.take(said(user), n);
    expect(changes).toEqual(["user"]);
  });

  test("the TTL counts from the last answer", () => {
    cache.take(said(user, { ttl: 2 }), 0);
    cache.take(said(user, { ttl: 2 }), 1500);
    expect(cache.sweep(1600, watched)).toEqual({ ask: [], nextAt: 3100 });
    for (const at of [3100, 3200, 3300, 3400]) expect(cache.sweep(at, watched).ask).toHaveLength(1);
    expect(ids()).toEqual(["u"]);
    cache.sweep(3500, watched);
    expect(ids()).toEqual([]);
    expect(cache.sweep(40_000, watched)).toEqual({ ask: [], nextAt: Number.POSITIVE_INFINITY });
  });

  test("ours are asked for by name, others' by service", () => {
    cache.take([...said(user), ...goMicroRecords("g", { ttl: 10 })], 0);
    expect(cache.sweep(8000, watched).ask).toEqual([
      { name: "user~u._skein._tcp.local", type: "ANY" },
      { name: "user.micro", type: "PTR" },
    ]);
  });

  test("a TTL of a century is believed for 75 minutes", () => {
    cache.take(said(user, { ttl: 2 ** 31 }), 0);
    cache.sweep(4_500_000, { ...watched, watched: () => false });
    expect(ids()).toEqual([]);
  });

  test("SRV and PTR with TTL 0 end none of ours: they do not say whose", () => {
    cache.take(said(user), 0);
    cache.take(only(said(user, { ttl: 0 }), "PTR", "SRV"), 1);
    expect(ids()).toEqual(["u"]);
  });

  test.each(["PTR", "SRV", "TXT"])("%s with TTL 0 ends one of Go Micro's", (type) => {
    cache.take([...goMicroRecords("g"), ...goMicroRecords("h")], 0);
    cache.take(only(goMicroRecords("g", { ttl: 0 }), type), 1);
    expect(ids()).toEqual(["h"]);
    cache.take(goMicroRecords("g"), 2);
    expect(ids()).toEqual(["h", "g"]);
  });

  test("records that come one by one, in any order, are put together; what lacks is asked for", () => {
    const [ptr, srv, a, txt] = goMicroRecords("g") as [DnsRecord, DnsRecord, DnsRecord, DnsRecord];
    cache.take([ptr], 0);
    expect(cache.sweep(149, watched)).toEqual({ ask: [], nextAt: 150 });
    expect(cache.sweep(150, watched).ask).toEqual([{ name: "g.user.micro", type: "ANY" }]);
    cache.take([txt], 200);
    cache.take([srv], 201);
    expect(ids()).toEqual([]);
    expect(cache.sweep(1000, watched).ask).toEqual([{ name: "machine", type: "A" }]);
    cache.take([a], 1001);
    expect(ids()).toEqual(["g"]);
  });

  test("what nobody answers is not asked for without end", () => {
    cache.take(only(goMicroRecords("g"), "PTR"), 0);
    let asked = 0;
    for (let at = 0; at < 100_000; at += 100) asked += cache.sweep(at, watched).ask.length;
    expect(asked).toBe(3);
  });

  test("two at one target keep their places", () => {
    cache.take([...goMicroRecords("g", { port: 1 }), ...goMicroRecords("h", { port: 2 })], 0);
    expect(cache.instances("user").map((i) => i.addresses[0]?.url)).toEqual([
      "http://10.0.0.9:1",
      "http://10.0.0.9:2",
    ]);
  });

  test("names are the same in any case, and with the last dot", () => {
    const odd = said(user).map((r) => ({ ...r, name: `${r.name.toUpperCase()}.` }) as DnsRecord);
    cache.take(odd, 0);
    expect(ids()).toEqual(["u"]);
    cache.take(said(user), 1);
    expect(changes.length).toBe(1);
  });

  test("malformed records are skipped, counted once a name, and forgotten with their TTL", () => {
    const name = "odd._skein._tcp.local";
    cache.take(said(user), 0);
    cache.take([{ type: "TXT", name, ttl: 5, data: [Buffer.from("odd")] }], 0);
    cache.take([{ type: "TXT", name, ttl: 5, data: [Buffer.from("odder")] }], 0);
    cache.take([{ type: "PTR", name: "user._sub._skein._tcp.local", ttl: 5, data: "elsewhere.local" }], 0);
    cache.take([{ type: "TXT", name: "x.user.micro", ttl: 5, data: [Buffer.from("zz")] }], 0);
    expect(ids()).toEqual(["u"]);
    expect([...cache.malformed.keys()]).toEqual([
      name,
      "user._sub._skein._tcp.local to elsewhere.local",
      "x.user.micro",
    ]);
    cache.sweep(5000, watched);
    expect(cache.malformed.size).toBe(0);
  });

  test("a record that was malformed and is sound now counts no more", () => {
    const records = said(user);
    const name = records.find((r) => r.type === "TXT")?.name as string;
    cache.take([{ type: "TXT", name, ttl: 5, data: [] }], 0);
    expect(cache.malformed.size).toBe(1);
    cache.take(records, 1);
    expect(cache.malformed.size).toBe(0);
    expect(ids()).toEqual(["u"]);
  });

  test("other things on the network are nothing", () => {
    cache.take(
      [
        { type: "PTR", name: "_ipp._tcp.local", ttl: 100, data: "printer._ipp._tcp.local" },
        { type: "TXT", name: "printer._ipp._tcp.local", ttl: 100, data: [Buffer.from("x")] },
        { type: "A", name: "printer.local", ttl: 100, data: "10.0.0.3" },
      ],
      0,
    );
    expect(cache.malformed.size).toBe(0);
    expect(cache.sweep(1, watched)).toEqual({ ask: [], nextAt: Number.POSITIVE_INFINITY });
  });

  test("a listing names services, and is no instance", () => {
    cache.take([...goMicro.listing("user"), ...goMicro.listing("billing.invoice")], 0);
    expect(cache.listed.map((l) => l.service)).toEqual(["user", "billing.invoice"]);
    expect(cache.services).toEqual([]);
    expect(cache.malformed.size).toBe(0);
    cache.sweep(120_000, watched);
    expect(cache.listed).toEqual([]);
  });

  test("liars fill no memory, and break nothing", () => {
    for (let n = 0; n < 25_000; n++) {
      const name = `${n}._skein._tcp.local`;
      cache.take([{ type: "TXT", name, ttl: 100, data: [Buffer.from(`${n}`)] }], 0);
    }
    expect(cache.malformed.size).toBe(1000);
    cache.sweep(100_000, watched);
    cache.take(said(user), 100_000);
    expect(ids()).toEqual(["u"]);
  });
});
