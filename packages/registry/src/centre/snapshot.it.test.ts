import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleInstance } from "@skein/conformance";
import type { Instance } from "@skein/core";
import { createFakeRuntime } from "@skein/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { testCentre } from "../test/centre.ts";
import type { Centre } from "./index.ts";

function place(): string {
  const directory = mkdtempSync(join(tmpdir(), "skein-centre-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return join(directory, "registry.json");
}

function put(centre: Centre, instance: Instance, ttlMs = 30_000): string {
  const lease = centre.store.grant(ttlMs)?.id as string;
  centre.store.put(lease, { namespace: "default", instance });
  return lease;
}
const ids = (centre: Centre): string[] => centre.store.of("default", "user").map((r) => r.instance.id);

test("what was registered survives a stop, and leases go on", async () => {
  const dataFile = place();
  const first = await testCentre({ dataFile, token: "marker-S3cr3t" });
  const i = sampleInstance("user", { metadata: { größe: "漢字 😀" }, zone: "a" });
  const lease = put(first.centre, i);
  const before = first.centre.store.revision;
  await first.centre.close();
  expect(readFileSync(dataFile, "utf8")).not.toContain("marker-S3cr3t");
  expect(statSync(dataFile).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(dataFile, ".."))).toEqual(["registry.json"]);
  const { centre, lines } = await testCentre({ dataFile });
  expect(centre.store.of("default", "user")[0]?.instance).toEqual(i);
  expect(centre.store.revisionOf("default", "user")).toBeGreaterThan(before);
  expect(centre.store.heartbeat(lease)).toBeDefined();
  expect(lines.join()).toContain("restored from the snapshot");
});

test("a killed centre has what was registered a second before; revisions do not go backwards", async () => {
  const dataFile = place();
  const killed = await testCentre({ dataFile });
  put(killed.centre, sampleInstance("user", { id: "a" }));
  await expect.poll(() => readFileSync(dataFile, "utf8"), { timeout: 10_000 }).toContain('"id":"a"');
  for (let n = 0; n < 100; n++) put(killed.centre, sampleInstance("user", { id: `late-${n}` }));
  const { centre } = await testCentre({ dataFile });
  expect(ids(centre)).toEqual(["a"]);
  expect(centre.store.revisionOf("default", "user")).toBeGreaterThan(
    killed.centre.store.revisionOf("default", "user"),
  );
});

test("with the wall clock set back, what the snapshot says counts", async () => {
  const dataFile = place();
  const first = await testCentre({ dataFile });
  put(first.centre, sampleInstance("user"));
  const before = first.centre.store.revisionOf("default", "user");
  await first.centre.close();
  const { centre } = await testCentre({ dataFile, runtime: createFakeRuntime() });
  expect(createFakeRuntime().clock.now()).toBeLessThan(before);
  expect(centre.store.revisionOf("default", "user")).toBeGreaterThan(before);
});

test.each<[string, (whole: string) => string | Buffer]>([
  ["half of it", (whole) => whole.slice(0, whole.length / 2)],
  ["nothing", () => ""],
  ["zeros", (whole) => Buffer.alloc(whole.length)],
  ["other JSON", () => '{"format":"skein-registry/9","leases":[]}'],
  ["a list", () => "[]"],
  ["no revision", (whole) => whole.replace(/"revision":\d+/, '"revision":"x"')],
])("a torn file (%s) is set aside and said; the registry starts empty", async (_, tear) => {
  const dataFile = place();
  const first = await testCentre({ dataFile });
  put(first.centre, sampleInstance("user"));
  await first.centre.close();
  const torn = tear(readFileSync(dataFile, "utf8"));
  writeFileSync(dataFile, torn);
  const { centre, lines } = await testCentre({ dataFile });
  expect(centre.store.records).toBe(0);
  const aside = readdirSync(join(dataFile, "..")).filter((name) => name.startsWith("registry.json.torn-"));
  expect(aside.length).toBe(1);
  expect(readFileSync(join(dataFile, "..", aside[0] as string))).toEqual(Buffer.from(torn));
  expect(lines.join()).toMatch(/the snapshot is torn: set aside.*registry\.json\.torn-/);
  put(centre, sampleInstance("user", { id: "new" }));
  await centre.close();
  const { centre: third } = await testCentre({ dataFile });
  expect(ids(third)).toEqual(["new"]);
});

test("records that are none are skipped, the others restored", async () => {
  const dataFile = place();
  const good = { namespace: "default", name: "user", instance: sampleInstance("user", { id: "good" }) };
  const lease = { id: "l", ttlMs: 30_000, byHand: false, lastHeartbeat: 0, records: [good] };
  const records = [
    {},
    null,
    { ...good, namespace: "a/b" },
    { ...good, instance: { ...good.instance, id: "a/b" } },
  ];
  const leases = [
    null,
    [],
    { ...lease, id: 1 },
    { ...lease, ttlMs: -1 },
    { ...lease, records: [...records, good] },
  ];
  writeFileSync(dataFile, JSON.stringify({ format: "skein-registry/1", revision: 7, leases }));
  const { centre, lines } = await testCentre({ dataFile });
  expect(ids(centre)).toEqual(["good"]);
  expect(lines.join()).toMatch(/records in the snapshot are malformed: skipped .*"skipped":8/);
});

test("a file that cannot be read or written is said at the start, and nothing listens", async () => {
  const dataFile = place();
  await expect(testCentre({ dataFile: join(dataFile, "missing/registry.json") })).rejects.toThrow(
    /the snapshot .*missing\/registry\.json cannot be written: ENOENT/,
  );
  mkdirSync(dataFile);
  await expect(testCentre({ dataFile })).rejects.toThrow(
    /the snapshot .*registry\.json cannot be read: EISDIR/,
  );
});

test("a draft that a killed centre left is no hindrance", async () => {
  const dataFile = place();
  writeFileSync(`${dataFile}.tmp`, "half");
  const { centre } = await testCentre({ dataFile });
  expect([existsSync(`${dataFile}.tmp`), existsSync(dataFile)]).toEqual([false, true]);
  await centre.close();
});
