import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registryConformance, sampleInstance, Watched } from "@skein/conformance";
import { type Runtime, silentLogger } from "@skein/core";
import { afterAll, describe, expect, test } from "vitest";
import { createLocalRegistry } from "./local.ts";
import { localDirectory } from "./local-directory.ts";
import { fileNameOf, parseRecord } from "./local-record.ts";

const runtime: Runtime = {
  clock: {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    fresh: () => performance.now(),
    setTimer(ms, fire) {
      const timer = setTimeout(fire, ms);
      timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  },
  random: Math.random,
  uniqueId: () => crypto.randomUUID(),
  defer: process.nextTick,
  yieldToIo: (fn) => void setImmediate(fn),
};
const root = mkdtempSync(join(tmpdir(), "skein-local-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const fresh = (): string => join(root, `d${++directories}`);
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

registryConformance("local", () => {
  const directory = fresh();
  const open: ReturnType<typeof createLocalRegistry>[] = [];
  return {
    ttlMs: 1500,
    connect() {
      const registry = createLocalRegistry({ runtime, logger: silentLogger, directory });
      open.push(registry);
      return registry;
    },
    pass,
    plantMalformed: async (service) => {
      writeFileSync(join(directory, "default", fileNameOf(service, "torn")), '{"instance":{"serv');
      writeFileSync(
        join(directory, "default", fileNameOf(service, "odd")),
        '{"instance":{"service":"user"},"process":{}}',
      );
      writeFileSync(join(directory, "default", "garbage.json"), Buffer.from([0, 255, 1]));
    },
    close: async () => void (await Promise.all(open.map((r) => r.close()))),
  };
});

describe("the directory", () => {
  const registry = (directory: string) => createLocalRegistry({ runtime, logger: silentLogger, directory });
  test("one rule, whatever the session says", () => {
    const expected = `/tmp/skein-${process.getuid?.()}`;
    expect(localDirectory({ TMPDIR: "/var/tmp", XDG_RUNTIME_DIR: "/run/user/1" })).toBe(expected);
    expect(localDirectory({ SKEIN_LOCAL_DIR: "/elsewhere" })).toBe("/elsewhere");
  });
  test("is made private, and leaves nothing behind", async () => {
    const directory = fresh();
    const r = registry(directory);
    await r.check?.();
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    const lease = await r.lease({ ttlMs: 1000 });
    await lease.put(sampleInstance("user"));
    expect(readdirSync(join(directory, "default")).length).toBe(1);
    expect(
      statSync(join(directory, "default", readdirSync(join(directory, "default"))[0] as string)).mode & 0o777,
    ).toBe(0o600);
    await r.close();
    expect(readdirSync(join(directory, "default"))).toEqual([]);
  });
  test("open to others, a link, a file: refused, saying what to do", async () => {
    const open = fresh();
    mkdirSync(open);
    chmodSync(open, 0o755);
    await expect(registry(open).lease({ ttlMs: 1000 })).rejects.toThrow(
      `the registry directory ${open} is open to other users (mode 755): chmod 700 ${open}`,
    );
    const linked = fresh();
    symlinkSync(root, linked);
    await expect(registry(linked).lease({ ttlMs: 1000 })).rejects.toThrow(
      `the registry directory ${linked} is no directory (a link?)`,
    );
    const file = fresh();
    writeFileSync(file, "");
    await expect(registry(file).lease({ ttlMs: 1000 })).rejects.toThrow(/cannot be made|is no directory/);
  });
  test("names stay inside it", async () => {
    const directory = fresh();
    const r = registry(directory);
    const lease = await r.lease({ ttlMs: 1000 });
    for (const service of ["../../etc", "a/b", "..", "CON", "ü*?"]) await lease.put(sampleInstance(service));
    expect(readdirSync(directory)).toEqual(["default"]);
    expect((await r.list()).map((s) => s.name).sort()).toEqual(
      ["..", "../../etc", "CON", "a/b", "ü*?"].sort(),
    );
    await r.close();
  });
  test("namespaces do not see each other", async () => {
    const directory = fresh();
    const a = createLocalRegistry({ runtime, logger: silentLogger, directory, namespace: "a" });
    const b = createLocalRegistry({ runtime, logger: silentLogger, directory, namespace: "b" });
    await (await a.lease({ ttlMs: 1000 })).put(sampleInstance("user"));
    expect((await b.list()).length).toBe(0);
    expect((await a.list()).length).toBe(1);
    await a.close();
    await b.close();
  });
  test("another user's file is skipped, and said once", async ({ skip }) => {
    if (process.getuid?.() !== 0) skip("needs root to make another user's file");
    const directory = fresh();
    const said: object[] = [];
    const r = createLocalRegistry({
      runtime,
      directory,
      logger: { ...silentLogger, warn: (fields) => void said.push(fields) },
    });
    const lease = await r.lease({ ttlMs: 1000 });
    await lease.put(sampleInstance("user"));
    const planted = join(directory, "default", "planted.json");
    writeFileSync(planted, "{}");
    const { chownSync } = await import("node:fs");
    chownSync(planted, 12_345, 12_345);
    await r.get("user");
    expect((await r.get("user")).instances.length).toBe(1);
    expect(said).toEqual([
      { directory: join(directory, "default"), file: "planted.json", why: "it is not a file of this user" },
    ]);
    await r.close();
  });
  test("a removed directory is an error that is told, and its return heals the watch", async () => {
    const directory = fresh();
    const r = registry(directory);
    const lease = await r.lease({ ttlMs: 1000 });
    const i = sampleInstance("user");
    await lease.put(i);
    const watched = new Watched(r, "user");
    const harness = { pass, ttlMs: 1000 } as never;
    await watched.until((s) => s.instances.length === 1, harness, 2000);
    rmSync(directory, { recursive: true });
    expect(await lease.renew()).toBe("lost");
    mkdirSync(join(directory, "default"), { recursive: true, mode: 0o700 });
    chmodSync(directory, 0o700);
    await lease.put(i);
    await watched.until((s) => s.instances.length === 1 && s.error === undefined, harness, 2000);
    await watched.stop();
    await r.close();
  });
});

test("records: what is none is told apart", () => {
  for (const text of ["", "null", "[]", "{}", '{"instance":{},"process":{},"ttlMs":1}', '{"instance":null}'])
    expect(parseRecord(text)).toBeUndefined();
});
