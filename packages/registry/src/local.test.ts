import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { registryConformance, sampleInstance, Watched } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Logger, type Runtime, silentLogger } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { afterAll, describe, expect, test } from "vitest";
import { createLocalRegistry } from "./local.ts";
import { localDirectory } from "./local-directory.ts";
import { fileNameOf, parseRecord } from "./local-record.ts";
import { lifeOf, ownIdentity, parseStat } from "./process-identity.ts";
import { localHarness } from "./test/local-harness.ts";

const root = mkdtempSync(join(tmpdir(), "skein-local-test-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const fresh = (): string => join(root, `d${++directories}`);
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

registryConformance("local", () => localHarness());

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
  test("that is opened to others later is read no more, until it is closed again", async () => {
    const directory = fresh();
    const r = registry(directory);
    const i = sampleInstance("user");
    await (await r.lease({ ttlMs: 1000 })).put(i);
    const watched = new Watched(r, "user");
    await watched.until((s) => s.instances.length === 1, { pass }, 2000);
    chmodSync(directory, 0o777);
    const told = await watched.until((s) => s.stale === true, { pass }, 2000);
    expect([told.instances, (told.error as Error).message]).toEqual([
      [i],
      `the registry directory ${directory} is open to other users (mode 777): chmod 700 ${directory}`,
    ]);
    await expect(r.get("user")).rejects.toThrow("is open to other users");
    chmodSync(directory, 0o700);
    await watched.until((s) => s.stale !== true, { pass }, 2000);
    await watched.stop();
    await r.close();
  });
  test("names of namespaces stay inside it", async () => {
    const directory = fresh();
    for (const namespace of ["../../up", "..", ".", "a/b"]) {
      const r = createLocalRegistry({ runtime, logger: silentLogger, directory, namespace });
      await (await r.lease({ ttlMs: 1000 })).put(sampleInstance("user"));
      await r.close();
    }
    expect(readdirSync(directory).sort()).toEqual(["%2E", "%2E%2E", "%2E%2E%2F%2E%2E%2Fup", "a%2Fb"]);
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
    const w = planted();
    const { r } = w;
    const lease = await r.lease({ ttlMs: 1000 });
    const i = sampleInstance("user");
    await lease.put(i);
    const own = readdirSync(w.records)[0] as string;
    writeFileSync(
      join(w.records, "planted.json"),
      readFileSync(join(w.records, own), "utf8").replaceAll(i.id, "evil"),
    );
    chownSync(join(w.records, "planted.json"), 12_345, 12_345);
    for (let n = 0; n < 3; n++) expect((await r.get("user")).instances).toEqual([i]);
    expect(w.said).toEqual([
      { directory: w.records, file: "planted.json", why: "it is not a file of this user" },
    ]);
    await r.close();
  });
  test("links to records, and directories named like them, are skipped", async () => {
    const w = planted();
    await w.r.list();
    symlinkSync("/etc/hostname", join(w.records, "link.json"));
    mkdirSync(join(w.records, "folder.json"));
    expect(await w.r.list()).toEqual([]);
    expect(w.said.map((s) => s.why)).toEqual([
      "it is not a file of this user",
      "it is not a file of this user",
    ]);
    await w.r.close();
  });
  test("garbage is said once, and again only when it is another", async () => {
    const w = planted();
    await w.r.list();
    writeFileSync(join(w.records, "x.json"), "{");
    await w.r.list();
    await w.r.list();
    expect(w.said.map((s) => s.why)).toEqual(["it is no record"]);
    expect(w.r.malformed).toBe(1);
    rmSync(join(w.records, "x.json"));
    await w.r.list();
    expect(w.r.malformed).toBe(0);
    await w.r.close();
  });
  test("a removed directory is an error that is told, and its return heals the watch", async () => {
    const directory = fresh();
    const r = registry(directory);
    const lease = await r.lease({ ttlMs: 1000 });
    const i = sampleInstance("user");
    await lease.put(i);
    const watched = new Watched(r, "user");
    const harness = { pass };
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

/** A registry whose complaints are kept. */
function planted() {
  const directory = fresh();
  const said: { why?: string }[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields) => void said.push(fields) };
  return {
    r: createLocalRegistry({ runtime, directory, logger }),
    records: join(directory, "default"),
    said,
  };
}

describe("time", () => {
  /** The machine's clock is the fake one's, the files' times are what the test makes them. */
  const world = (ports: Partial<Runtime> = {}) => {
    const fake = createFakeRuntime();
    const directory = fresh();
    const r = createLocalRegistry({ runtime: { ...fake, ...ports }, directory, logger: silentLogger });
    const records = join(directory, "default");
    /** As another pid namespace, of which nothing is known, would have written it. */
    const plant = async (id: string, ageMs: number): Promise<string> => {
      const instance = sampleInstance("user", { id });
      const process = { ...ownIdentity(), namespace: "pid:[1]" };
      await r.list();
      const file = join(records, fileNameOf("user", id, "x"));
      writeFileSync(file, JSON.stringify({ instance, ttlMs: 1000, process, lease: "x", written: 1 }));
      const at = new Date(fake.clock.now() - ageMs);
      utimesSync(file, at, at);
      return file;
    };
    return { fake, r, records, plant, ids: async () => (await r.get("user")).instances.map((i) => i.id) };
  };
  test("a step of the wall clock, either way, ends no lease and keeps none", async () => {
    for (const step of [3_600_000, -3_600_000]) {
      const { fake, plant, ids } = world();
      const file = await plant("a", 0);
      expect(await ids()).toEqual(["a"]);
      fake.clock.wallOffsetMs += step;
      for (let n = 0; n < 5; n++) {
        fake.clock.advance(900);
        expect(await ids()).toEqual(["a"]);
        const now = new Date(fake.clock.now());
        utimesSync(file, now, now);
        expect(await ids()).toEqual(["a"]);
      }
      fake.clock.advance(1001);
      expect(await ids()).toEqual([]);
    }
  });
  test("a record found lying there, of a process of which nothing is known, is believed if its time is young", async () => {
    const { plant, ids } = world();
    await plant("young", 1500);
    const old = await plant("old", 2500);
    expect(await ids()).toEqual(["young"]);
    utimesSync(old, new Date(), new Date());
    expect(await ids()).toEqual(["old", "young"]);
  });
  test("what is silent for three TTLs is removed, by whoever looks", async () => {
    const { fake, records, plant, ids } = world();
    await plant("a", 0);
    await ids();
    fake.clock.advance(2900);
    expect([await ids(), readdirSync(records).length]).toEqual([[], 1]);
    fake.clock.advance(200);
    expect([await ids(), readdirSync(records)]).toEqual([[], []]);
  });
  test("drafts that a killed process left are removed after an hour", async () => {
    const { fake, r, records } = world();
    await r.list();
    for (const [name, ageMs] of [
      ["young.json.1.tmp", 1000],
      ["old.json.1.tmp", 3_700_000],
      [".probe-1", 3_700_000],
      ["notes", 3_700_000],
    ] as const) {
      writeFileSync(join(records, name), "");
      const at = new Date(fake.clock.now() - ageMs);
      utimesSync(join(records, name), at, at);
    }
    await r.list();
    expect(readdirSync(records).sort()).toEqual(["notes", "young.json.1.tmp"]);
  });
});

describe("who wrote it", () => {
  const own = ownIdentity();
  test("this process lives", () => expect(lifeOf(own)).toBe("alive"));
  test("a number that belongs to another process now is dead", () =>
    expect(lifeOf({ ...own, started: "1" })).toBe("dead"));
  test("a number that belongs to nobody is dead", () => {
    expect(lifeOf({ ...own, pid: 2 ** 22 + 1 })).toBe("dead");
  });
  test.each([{ boot: "another" }, { namespace: "pid:[1]" }, { boot: "" }, { namespace: "" }])(
    "%j: nothing is known, the TTL decides",
    (other) => expect(lifeOf({ ...own, pid: 2 ** 22 + 1, ...other })).toBe("unknown"),
  );
  test("a command with blanks and parentheses in its name", () => {
    const tail = Array.from({ length: 18 }, (_, i) => i).join(" ");
    expect(parseStat(`42 (my (odd) S 1 cmd) Z ${tail} 777 0`)).toEqual({ state: "Z", started: "777" });
    expect(parseStat("")).toEqual({ state: "", started: "" });
  });
});

describe("records", () => {
  const good = {
    instance: sampleInstance("user"),
    ttlMs: 1000,
    process: ownIdentity(),
    lease: "x",
    written: 1,
  };
  test("a sound one is one", () => expect(parseRecord(JSON.stringify(good))).toEqual(good));
  test.each([
    "",
    "null",
    "[]",
    "{}",
    '{"instance":{},"process":{},"ttlMs":1}',
    '{"instance":null}',
    ...[
      { ...good, ttlMs: 0 },
      { ...good, ttlMs: "1" },
      { ...good, process: { ...good.process, pid: -1 } },
      { ...good, process: { ...good.process, boot: 1 } },
      { ...good, written: null },
      { ...good, lease: undefined },
      { ...good, instance: { ...good.instance, addresses: [{ protocol: "skein" }] } },
      { ...good, instance: { ...good.instance, weight: "1" } },
      { ...good, instance: { ...good.instance, status: "up" } },
      { ...good, instance: { ...good.instance, metadata: { a: 1 } } },
    ].map((r) => JSON.stringify(r)),
  ])("%s is none", (text) => expect(parseRecord(text)).toBeUndefined());
  test("names of files hold nothing that leads elsewhere, and are short enough for any disk", () => {
    for (const name of [
      "../../etc/passwd",
      "..",
      "a/b",
      "CON",
      "ü*?",
      "\0",
      "x".repeat(5000),
      "\u{1F600}".repeat(100),
    ])
      expect(fileNameOf(name, name, "l")).toMatch(/^[A-Za-z0-9_%@-]{1,200}\.json$/);
    expect(fileNameOf("a", "b", "c")).not.toBe(fileNameOf("a", "b", "d"));
    expect(fileNameOf("a@b", "c", "d")).not.toBe(fileNameOf("a", "b@c", "d"));
  });
});
