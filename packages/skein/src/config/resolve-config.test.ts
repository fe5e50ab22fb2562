import { type Registry, silentLogger } from "@skein/core";
import { describe, expect, test } from "vitest";
import { resolveConfig, resolveServeConfig, type ServeConfigOptions } from "./resolve-config.ts";
import { ConfigError } from "./setting.ts";

const registry = (name: string): Registry => ({ name, watch() {}, lease() {} }) as unknown as Registry;

test("defaults: the machine's own registry, loopback, any port", () => {
  expect(resolveServeConfig({}, {})).toEqual({
    registry: { kind: "local", directory: undefined },
    reach: "machine",
    namespace: undefined,
    ttlMs: 30_000,
    wait: { waitMs: 30_000, optional: false },
    log: "info",
    listen: { scheme: "tcp", host: "127.0.0.1", port: 0 },
    advertise: undefined,
  });
});

test("the environment says it all", () => {
  const config = resolveServeConfig(
    {},
    {
      SKEIN_REGISTRY: "etcd://u:p@a:2379,b:2379",
      SKEIN_LISTEN: " tcp://0.0.0.0:8080 ",
      SKEIN_ADVERTISE: "[fd00::7]:9000",
      SKEIN_NAMESPACE: "staging",
      SKEIN_TTL: "2000ms",
      SKEIN_LOG: "WARN",
      SKEIN_REGISTRY_WAIT: "2m",
      SKEIN_REGISTRY_OPTIONAL: "true",
    },
  );
  expect(config).toEqual({
    registry: { kind: "package", package: "@skein/etcd", url: "etcd://u:p@a:2379,b:2379" },
    reach: "network",
    namespace: "staging",
    ttlMs: 2000,
    wait: { waitMs: 120_000, optional: true },
    log: "warn",
    listen: { scheme: "tcp", host: "0.0.0.0", port: 8080 },
    advertise: { scheme: "tcp", host: "fd00::7", port: 9000 },
  });
});

test("options win over the environment; empty variables count as absent", () => {
  const env = { SKEIN_REGISTRY: "nonsense", SKEIN_TTL: "nonsense", SKEIN_LISTEN: "", SKEIN_NAMESPACE: " " };
  const config = resolveServeConfig({ registry: "memory:a", ttl: 5 }, env);
  expect(config.registry).toEqual({ kind: "memory", name: "a" });
  expect(config.ttlMs).toBe(5000);
  expect(config.namespace).toBeUndefined();
});

test("NATS: its servers are those of the listener, else of NATS, else of the registry", () => {
  const [a, b, c] = ["nats://u:p@a:4222,b", "nats://b", "nats://c/?kv=x"] as const;
  const nats = (options: ServeConfigOptions, env = {}) => resolveServeConfig(options, env).nats;
  expect(resolveServeConfig({ listen: a }, {}).listen).toEqual({ scheme: "nats", url: "nats://" });
  expect(nats({ listen: a, nats: b, registry: c })).toBe(a);
  expect(nats({ listen: "nats://", nats: b, registry: c })).toBe(b);
  expect(nats({ listen: "nats:", registry: c })).toBe("nats://c/");
  for (const query of ["kv=x&prefix=y", "prefix=y&kv=x", "prefix=y&kv"])
    expect(nats({ registry: `nats://c?${query}` })).toBe("nats://c?prefix=y");
  expect(nats({ registry: "nats://c?prefix=kv&tls" })).toBe("nats://c?prefix=kv&tls");
  expect(nats({ listen: "nats://" })).toBe("nats://localhost:4222");
  expect(nats({}, { SKEIN_NATS: b })).toBe(b);
  // A client as well: it listens nowhere, and finds those who do.
  expect(resolveConfig({}, { SKEIN_LISTEN: a }).nats).toBe(a);
  expect(nats({})).toBeUndefined();
});

test("objects are taken as they are; where they live is told by their name", () => {
  const own = registry("memory:x");
  expect(resolveServeConfig({ registry: own, log: silentLogger }, {})).toMatchObject({
    registry: { kind: "object", registry: own },
    reach: "machine",
    log: silentLogger,
  });
  expect(resolveServeConfig({ registry: registry("etcd://a") }, {})).toMatchObject({
    reach: "network",
    listen: { host: "0.0.0.0" },
  });
});

describe("registries by URL", () => {
  test.each([
    ["local:", { kind: "local", directory: undefined }],
    ["local:///run/skein", { kind: "local", directory: "/run/skein" }],
    ["local:/run/skein", { kind: "local", directory: "/run/skein" }],
    ["memory:", { kind: "memory", name: undefined }],
    ["memory://a", { kind: "memory", name: "a" }],
    ["static://user=10.0.0.1:8080", { kind: "static", url: "static://user=10.0.0.1:8080" }],
    ["CONSUL://h", { kind: "package", package: "@skein/consul", url: "CONSUL://h" }],
    ["dns+srv://example.org", { kind: "package", package: "@skein/dns", url: "dns+srv://example.org" }],
    ["http://centre:8800", { kind: "http", url: "http://centre:8800" }],
    ["mdns:", { kind: "package", package: "@skein/mdns", url: "mdns:" }],
  ])("%s", (url, expected) => expect(resolveServeConfig({ registry: url }, {}).registry).toEqual(expected));
});

describe("durations", () => {
  test.each([
    ["30", 30_000],
    ["30s", 30_000],
    ["1.5s", 1500],
    ["500ms", 500],
    ["1m", 60_000],
    ["1h", 3_600_000],
  ])("%s", (ttl, ms) => expect(resolveServeConfig({}, { SKEIN_TTL: ttl }).ttlMs).toBe(ms));
});

describe("a wrong variable is refused with its name, its value and what would be right", () => {
  test.each([
    [
      "SKEIN_TTL",
      "soon",
      "SKEIN_TTL=soon is no duration: give a duration from 500ms to 1h, as in 30s or 2000ms (a bare number is seconds)",
    ],
    [
      "SKEIN_TTL",
      "30000",
      "SKEIN_TTL=30000 is out of range: give a duration from 500ms to 1h, as in 30s or 2000ms (a bare number is seconds)",
    ],
    [
      "SKEIN_TTL",
      "-1",
      "SKEIN_TTL=-1 is no duration: give a duration from 500ms to 1h, as in 30s or 2000ms (a bare number is seconds)",
    ],
    [
      "SKEIN_LOG",
      "loud",
      "SKEIN_LOG=loud is no log level: give one of trace, debug, info, warn, error, fatal, silent",
    ],
    [
      "SKEIN_NAMESPACE",
      "a/b",
      "SKEIN_NAMESPACE=a/b is no namespace: give up to 63 letters, digits, dots, dashes or underscores, a letter or digit first",
    ],
    [
      "SKEIN_LISTEN",
      "8080",
      "SKEIN_LISTEN=8080 is no address to listen on: give tcp://host:port (port 0: any free one), unix:/path, memory:name or nats://server:port",
    ],
    [
      "SKEIN_LISTEN",
      "tcp://0.0.0.0:65536",
      "SKEIN_LISTEN=tcp://0.0.0.0:65536 is no address to listen on: give tcp://host:port (port 0: any free one), unix:/path, memory:name or nats://server:port",
    ],
    [
      "SKEIN_LISTEN",
      "http://0.0.0.0:80",
      "SKEIN_LISTEN=http://0.0.0.0:80 is no address to listen on: give tcp://host:port (port 0: any free one), unix:/path, memory:name or nats://server:port",
    ],
    [
      "SKEIN_ADVERTISE",
      "tcp://0.0.0.0:80",
      "SKEIN_ADVERTISE=tcp://0.0.0.0:80 means any address, and nobody can dial it: give the address at which others reach this process: tcp://host:port, or a host alone, which takes the port listened on",
    ],
    [
      "SKEIN_ADVERTISE",
      "a b",
      'SKEIN_ADVERTISE="a b" is no address: give the address at which others reach this process: tcp://host:port, or a host alone, which takes the port listened on',
    ],
    [
      "SKEIN_REGISTRY",
      "local:relative",
      "SKEIN_REGISTRY=local:relative is no local registry: give local: or local:/an/absolute/directory",
    ],
    [
      "SKEIN_REGISTRY",
      "memory:a/b",
      "SKEIN_REGISTRY=memory:a/b is no memory registry: give memory: or memory:name",
    ],
    [
      "SKEIN_REGISTRY",
      "zk://root:hunter2@h",
      "SKEIN_REGISTRY=zk://***@h has an unknown scheme: give local:, local:/directory, memory:, static://user=10.0.0.1:8080 or one of etcd://…, consul://…, nats://…, mdns://…, http://…, dns+srv://…",
    ],
    [
      "SKEIN_REGISTRY",
      "a\nb",
      'SKEIN_REGISTRY="a\\nb" is no registry: give local:, local:/directory, memory:, static://user=10.0.0.1:8080 or one of etcd://…, consul://…, nats://…, mdns://…, http://…, dns+srv://…',
    ],
  ])("%s=%s", (variable, value, message) => {
    const resolve = (): unknown => resolveServeConfig({}, { [variable]: value });
    expect(resolve).toThrow(ConfigError);
    expect(resolve).toThrow(expect.objectContaining({ message }));
  });

  test.each<[string, ServeConfigOptions, string]>([
    ["ttl", { ttl: 0.1 }, "option ttl=0.1 is out of range"],
    ["log", { log: {} as never }, "option log=[object] is no logger"],
    ["registry", { registry: {} as never }, "option registry=[object] is no registry"],
    ["listen", { listen: 8080 as never }, "option listen=8080 is no text"],
    ["null", { registry: null as never }, "option registry=[object] is no registry"],
    [
      "nats",
      { nats: "tcp://a:1" },
      "option nats=tcp://a:1 names no servers of NATS: give nats://user:password",
    ],
  ])("option %s", (_, options, message) => expect(() => resolveServeConfig(options, {})).toThrow(message));
});
