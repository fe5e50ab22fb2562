import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Instance } from "@skein/core";
import { describe, expect, test } from "vitest";
import { goMicroLayout } from "./go-micro.ts";
import { grpcLayout } from "./grpc.ts";
import { plainLayout, skeinLayout } from "./keyed.ts";
import type { Layout } from "./layout.ts";

const page = readFileSync(join(import.meta.dirname, "../../../../docs/registry-records.md"), "utf8");
/** Blocks of the page by their kind: what follows it on the fence, and the lines within. */
const blocks = (kind: string): readonly (readonly [string, readonly string[]])[] =>
  [...page.matchAll(/^```(\S+) (.+)\n([\s\S]*?)\n```$/gm)]
    .filter(([, k]) => k === kind)
    .map(([, , about = "", body = ""]) => [about, body.split("\n")]);

const layouts: Readonly<Record<string, Layout>> = {
  skein: skeinLayout("/services"),
  plain: plainLayout("/services", "json"),
  "plain value=active": plainLayout("/services", "active"),
  "plain value=address": plainLayout("/services", "address"),
  "go-micro": goMicroLayout("/micro/registry"),
  grpc: grpcLayout("{service}"),
};
const layout = (about: string): Layout => layouts[about] as Layout;
const instance = JSON.parse(blocks("json")[0]?.[1][0] as string) as Instance;

describe("the page's records", () => {
  test("there are some of each layout", () => {
    expect(blocks("record").map(([about]) => about)).toEqual(Object.keys(layouts));
    expect(blocks("foreign").length).toBe(5);
  });

  test.each(blocks("record"))("%s is written byte by byte", (about, [key, value]) => {
    expect(layout(about).record(instance)).toEqual({ key, value });
  });

  test.each(blocks("record").filter(([, [, value]]) => value?.startsWith("{")))(
    "%s is read back whole",
    (about, [key = "", value = ""]) => {
      expect(layout(about).read(key, value)).toEqual({ instances: [instance], own: true });
    },
  );

  test.each(blocks("foreign"))("%s of others is read", (about, [key = "", value = "", read = ""]) => {
    expect(layout(about).read(key, value)).toEqual({ instances: [JSON.parse(read)], own: false });
  });
});

describe("malformed records", () => {
  const whole = JSON.stringify(instance);
  const cases: [string, string, string, RegExp][] = [
    ["skein", "/services/user/1.2.0", whole, /the key is not <name>\/<version>\/<host:port>/],
    ["skein", "/services/user/1.2.0/10.0.0.7:8080/x", whole, /the key is not/],
    ["skein", "/services/User/1.2.0/10.0.0.7:8080", "active", /service name "User"/],
    ["skein", "/services/user/1.2.0/10.0.0.7:8080", "", /neither JSON, nor "active"/],
    ["skein", "/services/user/1.2.0/10.0.0.7:8080", "[]", /neither JSON/],
    ["skein", "/services/user/1.2.0/10.0.0.7:8080", '{"id":"x"}', /no instance/],
    ["skein", "/services/order/1.2.0/10.0.0.7:8080", whole, /another service or version/],
    ["skein", "/services/user/2.0.0/10.0.0.7:8080", whole, /another service or version/],
    ["skein", "/services/user/1.2.0/nowhere", "active", /ends with none/],
    ["skein", "/services/user/1.2.0/10.0.0.7:99999", "active", /ends with none/],
    [
      "skein",
      "/services/user/1.2.0/10.0.0.7:8080",
      whole.replace('{"owner"', '{"__proto__":"x","owner"'),
      /no instance/,
    ],
    ["plain", "/services/user/1.2.0/10.0.0.7:8080", whole, /the key is not <name>\/<host:port>/],
    ["plain", "/services/user/10.0.0.7:8080", "10.0.0.7", /neither JSON/],
    ["go-micro", "/micro/registry/user/x", "garbage", /no service of Go Micro/],
    [
      "go-micro",
      "/micro/registry/user/x",
      '{"name":"user","version":"1","nodes":[]}',
      /a node of it is none/,
    ],
    [
      "go-micro",
      "/micro/registry/user/x",
      '{"name":"order","version":"1","nodes":[{"id":"a","address":"h:1"}]}',
      /another service than the key/,
    ],
    [
      "go-micro",
      "/micro/registry/user/x",
      '{"name":"user","version":"1","nodes":[{"id":"a","address":"h"}]}',
      /a node of it is none/,
    ],
    ["grpc", "user/x", '{"Op":0}', /has no Addr/],
    ["grpc", "user/x", "null", /has no Addr/],
    ["grpc", "user/x", '{"Addr":"nowhere"}', /has no Addr/],
  ];
  test.each(cases)("%s %s %s", (about, key, value, fault) => {
    const read = layout(about).read(key, value);
    expect("fault" in read ? read.fault : read).toMatch(fault);
  });

  test("an endpoint that says it is deleted is none, and not malformed", () => {
    expect(layout("grpc").read("user/x", '{"Op":1,"Addr":"h:1"}')).toEqual({ instances: [], own: false });
  });
});

test("an address without host and port is escaped, and read back", () => {
  const own = { ...instance, addresses: [{ protocol: "skein", url: "unix:/run/user.sock" }] };
  for (const [name, each] of Object.entries(layouts)) {
    if (name !== "skein" && name !== "plain") continue;
    const { key, value } = each.record(own);
    expect(key).toMatch(/\/unix%3A%2Frun%2Fuser\.sock$/);
    expect(each.read(key, value)).toEqual({ instances: [own], own: true });
    expect(each.read(key, "active")).toMatchObject({ instances: [{ addresses: own.addresses }] });
  }
});

test("no service sees another's keys", () => {
  for (const each of Object.values(layouts)) {
    const { key } = each.record({ ...instance, service: "user-admin" });
    expect(key.startsWith(each.prefixOf("user-admin"))).toBe(true);
    expect(key.startsWith(each.prefixOf("user"))).toBe(false);
  }
});
