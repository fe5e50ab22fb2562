import { RpcError } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { type BackendUrlForm, choiceParam, durationParam, parseBackendUrl } from "./backend-url.ts";

const FORM: BackendUrlForm = {
  schemes: ["etcd", "etcds"],
  example: "etcd://user:password@a:2379,b:2379/?prefix=/services",
  defaultPort: 2379,
  defaultHost: "localhost",
  manyHosts: true,
  params: ["prefix", "timeout", "layout", "token"],
};
const BARE = { what: "the registry", username: undefined, password: undefined, path: "", params: new Map() };

test.each<[string, Partial<BackendUrlForm>, object]>([
  ["etcd://", {}, { ...BARE, scheme: "etcd", hosts: ["localhost:2379"], shown: "etcd://" }],
  ["ETCDS:", {}, { ...BARE, scheme: "etcds", hosts: ["localhost:2379"], shown: "ETCDS://" }],
  [
    "etcd://a,b:1,[::1],[fe80::1%25eth0]:2",
    {},
    { hosts: ["a:2379", "b:1", "[::1]:2379", "[fe80::1%25eth0]:2"] },
  ],
  [
    "etcd://ro%40t:p%3A%2F%3F%23%40%25@a/?prefix=/x%26y&timeout",
    {},
    {
      username: "ro@t",
      password: "p:/?#@%",
      hosts: ["a:2379"],
      path: "",
      params: new Map([
        ["prefix", "/x&y"],
        ["timeout", ""],
      ]),
      shown: "etcd://***@a/?prefix=/x%26y&timeout",
    },
  ],
  [
    "etcd://root:p@ss:w@a",
    {},
    { username: "root", password: "p@ss:w", hosts: ["a:2379"], shown: "etcd://***@a" },
  ],
  ["etcd://token@a", {}, { username: "token", password: undefined, shown: "etcd://***@a" }],
  ["etcd://:@a", {}, { username: "", password: "", shown: "etcd://***@a" }],
  ["etcd://a/x/y//", { path: true }, { path: "/x/y", shown: "etcd://a/x/y//" }],
  ["etcd://a?token=hunter2&layout=x", {}, { shown: "etcd://a?token=***&layout=x" }],
  ["etcd://", { defaultPort: undefined }, { hosts: ["localhost"] }],
  ["etcd://a", { defaultPort: "none" }, { hosts: ["a"] }],
  ["etcd://a:00080", {}, { hosts: ["a:80"] }],
  ["etcd://a?", {}, { params: new Map(), shown: "etcd://a" }],
  ["etcd://a?&prefix=a=b&", {}, { params: new Map([["prefix", "a=b"]]) }],
])("%s", (url, form, parts) => expect(parseBackendUrl(url, { ...FORM, ...form })).toMatchObject(parts));

function fault(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", executed: "no" });
    return (error as Error).message;
  }
  return "no fault";
}

test.each<[string, Partial<BackendUrlForm>, string]>([
  ["", {}, "the registry …: it is no URL: give etcd://user:password@a:2379,b:2379/?prefix=/services"],
  ["hunter2@a:2379", {}, "the registry …: it is no URL"],
  ["a", {}, "the registry …: it is no URL"],
  ["root:hunter2@a", {}, "the registry …: it is no URL"],
  ["http://a", { what: "the bus" }, 'the bus http://a: the scheme "http" is not'],
  ["http://a", {}, 'the registry http://a: the scheme "http" is not etcd or etcds'],
  ["etcd://a#x", {}, "what follows # is not understood"],
  ["etcd://root:hun/ter2@a", {}, "the registry etcd:…: an @ comes too late"],
  ["etcd://root:hun?ter2@a", {}, "the registry etcd:…: an @ comes too late"],
  ["etcd://root:hun#ter2@a", {}, "the registry etcd:…: an @ comes too late"],
  ["etcd:root:hunter2@a", {}, "the registry etcd:…: an @ comes too late"],
  ["etcd://a?token=hun@ter2", {}, "the registry etcd:…: an @ comes too late"],
  [
    "etcd://u:hunter2@a,u:hunter2@b",
    {},
    "the registry etcd://***@b: there is more than one @: give user name and",
  ],
  ["etcd://ro%t:hunter2@a", {}, "the user name has a % that begins no escape (write it as %25)"],
  ["etcd://root:hunter%@a", {}, "the password has a % that begins no escape"],
  ["etcd://root:hunter%ff@a", {}, "the password has a % that begins no escape"],
  ["etcd://a/x", {}, 'the path "/x" is not understood'],
  ["etcd:a", {}, 'the path "a" is not understood'],
  ["etcd://", { defaultHost: undefined }, "there is no host"],
  ["etcd://a,b", { manyHosts: false }, 'there is more than one host in "a,b"'],
  ["etcd://a,,b", {}, '"" is no host'],
  ["etcd://a b", {}, '"a b" is no host'],
  ["etcd://::1", {}, '":***" is no host'],
  ["etcd://[::1", {}, '"[::1" is no host'],
  ["etcd://[x]:1", {}, '"[x]:1" is no host'],
  ["etcd://a", { defaultPort: undefined }, 'the host "a" has no port'],
  ["etcd://a:1", { defaultPort: "none" }, 'the port of "a:1" is not understood'],
  ["etcd://a:0", {}, 'the port of "a:0" is none from 1 to 65535'],
  ["etcd://a:65536", {}, 'the port of "a:65536" is none from 1 to 65535'],
  ["etcd://a:1e3", {}, 'the port of "a:***" is none from 1 to 65535'],
  ["etcd://a:", {}, 'the port of "a:***" is none from 1 to 65535'],
  ["etcd://root:hunter2", {}, 'the registry etcd://root:***: the port of "root:***" is none from'],
  ["etcd://root:hunter2,b:1", {}, 'the registry etcd://root:***,b:1: the port of "root:***" is none'],
  ["etcd://a?prefx=/x", {}, 'the parameter "prefx" is unknown; did you mean prefix?'],
  ["etcd://a?pwd=hunter2", {}, 'etcd://a?pwd=***: the parameter "pwd" is unknown; there are prefix, timeout'],
  [
    "etcd://a?tok%65n=hunter2&layout=x&layout=y",
    {},
    'tok%65n=***&layout=x&layout=y: the parameter "layout" is there',
  ],
  ["etcd://a?prefix=%", {}, 'the parameter "prefix" has a % that begins no escape'],
  ["etcd://a?%=x", {}, "the query has a % that begins no escape"],
])("%s is refused", (url, form, message) => {
  const said = fault(() => parseBackendUrl(url, { ...FORM, ...form }));
  expect(said).toContain(message);
  expect(said).not.toMatch(/hunter2|hun|ter2/);
});

test.each<[string | undefined, number | string]>([
  [undefined, 7],
  ["500ms", 500],
  ["1.5s", 1500],
  ["1m", 60_000],
  ["1h", 3_600_000],
  ["5", "timeout=5 is no duration: give one such as 500ms, 5s or 1m"],
  ["-5s", "timeout=-5s is no duration"],
  ["1d", "timeout=1d is no duration"],
  ["5 s", "timeout=5 s is no duration"],
  ["", "timeout= is no duration"],
  ["499ms", "timeout=499ms is too short: give 0.5s or more"],
  ["61m", "timeout=61m is too long: give 3600s or less"],
])("the duration %s", (given, expected) => {
  const url = parseBackendUrl(given === undefined ? "etcd:" : `etcd:?timeout=${given}`, FORM);
  const read = (): number => durationParam(url, "timeout", { fallback: 7, least: 500, most: 3_600_000 });
  if (typeof expected === "number") expect(read()).toBe(expected);
  else expect(fault(read)).toContain(expected);
});

test("one of several words", () => {
  const read = (query: string): string =>
    choiceParam(parseBackendUrl(`etcd:${query}`, FORM), "layout", ["plain", "grpc"], "plain");
  expect([read(""), read("?layout=grpc")]).toEqual(["plain", "grpc"]);
  expect(fault(() => read("?layout=Grpc"))).toContain("layout=Grpc is not plain or grpc");
});

test("no credential is in what is shown or said, whatever the URL", () => {
  const runtime = createFakeRuntime(3);
  const one = <T>(of: readonly T[]): T => of[Math.floor(runtime.random() * of.length)] as T;
  const some = (of: readonly string[], most: number): string =>
    Array.from({ length: Math.floor(runtime.random() * (most + 1)) }, () => one(of)).join("");
  const odd = [..."/?#@%&=:,[] \n", "%2f", "%", "é", "a", "1"];
  // Two halves, so that a part of it is found as well.
  const secret = (): string => `s3cr3t${some(odd, 3)}s3cr3t`;
  const leaks: string[] = [];
  let read = 0;
  for (let n = 0; n < 20_000; n++) {
    const user = one(["", "root", some(odd, 2)]);
    const hosts = one(["", "a", "a:1", "a,b:2", "[::1]:3", some(odd, 3), `a:${some(odd, 2)}`]);
    const rest = one(["", "/", "/x", "?prefix=/x", "#x", some(odd, 4)]);
    const scheme = one(["etcd://", "etcd://", "etcds://", "http://", "etcd:", "", "://"]);
    const url = one([
      () => `${scheme}${user}:${secret()}@${hosts}${rest}`,
      () => `${scheme}${secret()}@${hosts}${rest}`,
      () => `etcd://root:${encodeURIComponent(secret())}@a:1${rest}`,
      () => `etcd://root:x@a?${one(["token", "tok%65n", "TOKEN", "password", "pwd", "x-api-key"])}=s3cr3t`,
      () => `etcd://${one(["root", "a,root", "root:a"])}:s3cr3t${rest}`,
    ])();
    try {
      const { shown, hosts: kept, path } = parseBackendUrl(url, { ...FORM, path: one([true, false]) });
      if (`${shown}${kept}${path}`.includes("s3cr3t")) leaks.push(url);
      read++;
    } catch (error) {
      if (!(error instanceof RpcError) || error.message.includes("s3cr3t")) leaks.push(url);
    }
  }
  expect(leaks).toEqual([]);
  expect(read).toBeGreaterThan(1000);
});
