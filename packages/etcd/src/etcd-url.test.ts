import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parseEtcdUrl } from "./etcd-url.ts";

const directory = mkdtempSync(join(tmpdir(), "skein-etcd-url-"));
const file = join(directory, "ca.pem");
writeFileSync(file, "PEM");
afterAll(() => rmSync(directory, { recursive: true }));

const keysOf = (url: string, namespace?: string): readonly string[] =>
  parseEtcdUrl(url, namespace).layouts.map((layout) => layout.prefixOf("user"));

test("hosts, credentials, layouts", () => {
  const target = parseEtcdUrl("etcd://app:p%40ss%2F@a:2379,[::1],b/?prefix=/micro/services/");
  expect(target.hosts).toEqual(["a:2379", "[::1]:2379", "b:2379"]);
  expect(target.credentials).toEqual({ username: "app", password: "p@ss/" });
  expect(target.tls).toBeUndefined();
  expect(target.layouts.map((layout) => layout.prefixOf("user"))).toEqual(["/micro/services/user/"]);
  expect(target.name).toBe("etcd://***@a:2379,[::1],b/?prefix=/micro/services/");
  expect(parseEtcdUrl("etcd://").hosts).toEqual(["localhost:2379"]);
});

test("namespaces stand before everything", () => {
  const all = "etcd://a/?layout=skein,go-micro,grpc";
  expect(keysOf(all)).toEqual(["/services/user/", "/micro/registry/user/", "user/"]);
  expect(keysOf(all, "shop")).toEqual(["/shop/services/user/", "/shop/micro/registry/user/", "/shop/user/"]);
});

test("TLS by scheme, by flag, and by what only TLS has", () => {
  const none = { ca: undefined, cert: undefined, key: undefined, serverName: undefined };
  expect(parseEtcdUrl("etcds://a").tls).toEqual(none);
  expect(parseEtcdUrl("etcd://a/?tls=true").tls).toEqual(none);
  const ca = Buffer.from("PEM");
  expect(parseEtcdUrl(`etcd://a/?ca=${file}`).tls).toEqual({ ...none, ca });
  const client = parseEtcdUrl(`etcd://a/?ca=${file}&cert=${file}&key=${file}&serverName=etcd.local`).tls;
  expect(client).toEqual({ ca, cert: ca, key: ca, serverName: "etcd.local" });
});

describe("what is wrong is named, and no credential with it", () => {
  test.each<[string, string]>([
    ["etcd://a:x", 'the port of "a:***" is none from 1 to 65535'],
    ["etcd://a:70000", 'the port of "a:70000"'],
    ["etcd://a,,b", '"" is no host'],
    ["etcd://root@a", "there is a user name without a password"],
    ["etcd://a/services", 'the path "/services" is not understood'],
    ["etcd://a/?perfix=/x", 'the parameter "perfix" is unknown; did you mean prefix?'],
    ["etcd://a/?layout=gomicro", "layout=gomicro is not skein, plain, go-micro, grpc"],
    ["etcd://a/?layout=skein,plain", "the layouts skein and plain use the same keys"],
    ["etcd://a/?value=yaml", "value=yaml is not json or active or address"],
    ["etcd://a/?prefix=/", "prefix=/ is no prefix: give one such as /services"],
    ["etcd://a/?grpcTarget=user", "grpcTarget=user must have {service} in it once"],
    ["etcd://a/?tls=yes", "tls=yes is not true or false"],
    ["etcds://a/?tls=false", "tls=false contradicts"],
    ["etcd://a/?ca=/nowhere.pem", "ca=/nowhere.pem cannot be read"],
    [`etcd://a/?cert=${file}`, "a client certificate needs both cert= and key="],
    ["etcd://a/?prefix=/a&prefix=/b", 'the parameter "prefix" is there twice'],
    ["etcd://a#x", "what follows # is not understood"],
  ])("%s", (url, fault) => {
    const secret = url.replace("etcd://a", "etcd://root:hunter2@a");
    for (const each of [url, secret]) {
      const message = messageOf(each);
      expect(message).toContain(fault);
      expect(message).not.toContain("hunter2");
    }
  });
});

function messageOf(url: string): string {
  try {
    parseEtcdUrl(url);
  } catch (error) {
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
    return (error as Error).message;
  }
  throw new Error(`${url} was taken`);
}
