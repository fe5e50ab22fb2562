import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger as logger, type Registry } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { afterEach, describe, expect, test, vi } from "vitest";
import { resolveConfig } from "./config/resolve-config.ts";
import { deferRegistry } from "./defer-registry.ts";
import { openRegistry } from "./open-registry.ts";
import { SetupError } from "./setup-error.ts";

/** The workspace has them all. */
vi.mock(import("./import-from-app.ts"), async (original) => {
  const own = await original();
  const resolveFromApp = (name: string) => (name === "@skein/nats" ? undefined : own.resolveFromApp(name));
  return { ...own, resolveFromApp };
});

const runtime = createFakeRuntime();
const open = (registry: string | Registry, namespace?: string) =>
  openRegistry(resolveConfig({ registry, namespace }, {}), { runtime, logger });
const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

describe("opening a registry by its URL", () => {
  test("memory: one of a name is one, apart from those of other names and namespaces", async () => {
    const [a, b, other] = [open("memory:x"), open("memory:x"), open("memory:x", "staging")];
    const lease = await a.registry.lease({ ttlMs: 1000 });
    await lease.put({
      service: "user",
      version: "1",
      id: "i",
      addresses: [],
      weight: 1,
      status: "serving",
      startedAt: "",
      metadata: {},
    });
    expect((await b.registry.get("user")).instances).toHaveLength(1);
    expect((await other.registry.get("user")).instances).toHaveLength(0);
    await Promise.all([a, b, other].map((one) => one.close()));
    expect((await b.registry.get("user")).instances).toHaveLength(0);
  });

  test("local: names its directory; one that cannot be made is told by check()", async () => {
    const directory = mkdtempSync(join(tmpdir(), "skein-test-"));
    directories.push(directory);
    const opened = open(`local:${directory}`, "staging");
    expect(opened.registry.name).toBe(`local:${directory}/staging`);
    await opened.check();
    await opened.close();
    await expect(open("local:/dev/null/x").check()).rejects.toThrow(
      /^the registry directory \/dev\/null\/x cannot be made: .* Set SKEIN_LOCAL_DIR to one that can$/,
    );
  });

  test("static: what is wrong in it is for people to change", () => {
    expect(open("static://user=10.0.0.1:8080").registry.readOnly).toBe(true);
    expect(() => open("static://user=nowhere")).toThrow(SetupError);
  });

  test("a backend that is not installed is named with the command that installs it, without its password", () => {
    expect(() => open("nats://root:hunter2@example.org")).toThrow(
      expect.objectContaining({
        name: "SetupError",
        message: "the registry nats://***@example.org needs the package @skein/nats: npm install @skein/nats",
      }),
    );
  });

  test("a wrong part of a URL is named when the start checks, without its password", async () => {
    const [http, etcd] = [open("http://root:hunter2@centre:x"), open("etcd://root:hunter2@a/?perfix=/x")];
    await expect(http.check()).rejects.toThrow(
      /^the registry http:\/\/\*\*\*@centre:\*\*\*: the port of "centre:\*\*\*" is none/,
    );
    await expect(http.check()).rejects.toBeInstanceOf(SetupError);
    await expect(etcd.check()).rejects.toThrow(/the parameter "perfix" is unknown; did you mean prefix\?/);
    await Promise.all([http.close(), etcd.close()]);
  });

  test("an object is used as it is, and not closed", async () => {
    let closed = false;
    const own = {
      name: "own",
      watch() {},
      lease() {},
      async close() {
        closed = true;
      },
    } as unknown as Registry;
    const opened = open(own);
    expect(opened.registry).toBe(own);
    await opened.check();
    await opened.close();
    expect(closed).toBe(false);
  });
});

describe("a registry that is still being opened", () => {
  const backing = open("memory:backing").registry;

  test("is opened once, at the first use; what was asked meanwhile is answered", async () => {
    let opens = 0;
    const registry = deferRegistry("etcd://a", async () => {
      opens++;
      return backing;
    });
    expect([registry.name, opens]).toEqual(["etcd://a", 0]);
    const abort = new AbortController();
    const first = registry.watch("user", { signal: abort.signal })[Symbol.asyncIterator]().next();
    await Promise.all([registry.get("user"), registry.list(), registry.check()]);
    expect((await first).value).toMatchObject({ instances: [] });
    expect(opens).toBe(1);
    abort.abort();
  });

  test("never opened, closing opens nothing", async () => {
    await deferRegistry("etcd://a", () => Promise.reject(new Error("opened"))).close();
  });

  test("one that cannot be opened: watches tell it and wait, everything else rejects", async () => {
    const registry = deferRegistry("etcd://a", () => Promise.reject(new Error("no such host")));
    const abort = new AbortController();
    const watch = registry.watch("user", { signal: abort.signal })[Symbol.asyncIterator]();
    expect((await watch.next()).value).toMatchObject({
      stale: true,
      instances: [],
      error: { message: "no such host" },
    });
    const second = watch.next();
    abort.abort();
    expect(await second).toEqual({ done: true, value: undefined });
    await expect(registry.check()).rejects.toThrow("no such host");
    await expect(registry.lease({ ttlMs: 1 })).rejects.toThrow("no such host");
    await registry.close();
  });
});
