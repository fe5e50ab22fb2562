import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Watched } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import { afterEach, describe, expect, test } from "vitest";
import { createLocalRegistry } from "./local.ts";

const LONG_TTL_MS = 60_000;
const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const clock = { pass };

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "skein-local-it-"));
  undo.push(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

function open(of: string): Registry {
  const registry = createLocalRegistry({ runtime, logger: silentLogger, directory: of });
  undo.push(() => registry.close());
  return registry;
}

function watch(of: string): Watched {
  const watched = new Watched(open(of), "user");
  undo.push(() => watched.stop());
  return watched;
}

/** test/local-process.ts in a process of its own. */
function start(of: string, ttlMs: number, count = 1, options: { uid?: number; gid?: number } = {}) {
  const program = join(import.meta.dirname, "test/local-process.ts");
  const child = spawn(
    process.execPath,
    ["--conditions=skein-source", "--import", "tsx", program, of, String(ttlMs), String(count)],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, HOME: of, TSX_DISABLE_CACHE: "1" },
      ...options,
    },
  );
  let output = "";
  const looks = new Set<() => void>();
  child.stdout.on("data", (chunk) => {
    output += chunk;
    for (const look of looks) look();
  });
  const exited = once(child, "close");
  undo.push(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  const printed = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (output.includes(text)) resolve();
      };
      looks.add(look);
      look();
      void exited.then(() => reject(new Error(`ended without printing ${text}:\n${output}`)));
    });
  return { child, exited, printed, output: () => output };
}

describe("kill -9", () => {
  test("takes a process's records along within 2 s, whatever their TTL, and nobody else's", async () => {
    const d = directory();
    const [a, b] = [start(d, LONG_TTL_MS, 5), start(d, LONG_TTL_MS, 1)];
    await Promise.all([a.printed("ready"), b.printed("ready")]);
    const w = watch(d);
    await w.until((s) => s.instances.length === 6, clock, 2000);
    a.child.kill("SIGKILL");
    const left = await w.until((s) => s.instances.length === 1, clock, 2000);
    expect(left.instances[0]?.id).toBe(`${b.child.pid}-0`);
    expect(readdirSync(join(d, "default")).length).toBe(1);
  });
  test("of a process whose parent does not ask for it: a zombie is dead", async () => {
    const d = directory();
    const program = join(import.meta.dirname, "test/local-process.ts");
    // A shell that starts it, says its number, and becomes a sleep: nobody waits for the child then.
    const script = `"$@" >/dev/null & echo $!; exec sleep 60`;
    const node = [
      process.execPath,
      "--conditions=skein-source",
      "--import",
      "tsx",
      program,
      d,
      String(LONG_TTL_MS),
      "1",
    ];
    const shell = spawn("sh", ["-c", script, "sh", ...node], { stdio: ["ignore", "pipe", "inherit"] });
    undo.push(() => shell.kill("SIGKILL"));
    const [line] = (await once(shell.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    const w = watch(d);
    await w.until((s) => s.instances.length === 1, clock, 15_000);
    process.kill(pid, "SIGKILL");
    await w.until((s) => s.instances.length === 0, clock, 2000);
    expect(spawnSync("ps", ["-o", "stat=", "-p", String(pid)]).stdout.toString()).toMatch(/^Z|^$/);
  });
});

test("SIGTERM takes records along at once", async () => {
  const d = directory();
  const a = start(d, LONG_TTL_MS, 20);
  await a.printed("ready");
  const w = watch(d);
  await w.until((s) => s.instances.length === 20, clock, 2000);
  a.child.kill("SIGTERM");
  await a.exited;
  await w.until((s) => s.instances.length === 0, clock, 1000);
});

test("a stopped process is gone after its TTL, and back by itself when it goes on", async () => {
  const d = directory();
  const a = start(d, 1500);
  await a.printed("ready");
  const w = watch(d);
  await w.until((s) => s.instances.length === 1, clock, 2000);
  a.child.kill("SIGSTOP");
  await w.until((s) => s.instances.length === 0, clock, 3000);
  a.child.kill("SIGCONT");
  await w.until((s) => s.instances.length === 1, clock, 5000);
});

test("files removed behind its back are written again within TTL/3 + 1 s", async () => {
  const d = directory();
  const a = start(d, 3000);
  await a.printed("ready");
  const w = watch(d);
  await w.until((s) => s.instances.length === 1, clock, 2000);
  a.child.kill("SIGSTOP");
  for (const file of readdirSync(join(d, "default"))) rmSync(join(d, "default", file));
  await w.until((s) => s.instances.length === 0, clock, 1000);
  a.child.kill("SIGCONT");
  await w.until((s) => s.instances.length === 1, clock, 2000);
});

describe("a disk", () => {
  /** Root may write anywhere: there the process is nobody, and the directory nobody's. */
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {};
  test("that cannot be written: the process says why and keeps trying, and is there once it can be", async ({
    skip,
  }) => {
    if (process.platform === "win32") skip("modes mean nothing here");
    const d = directory();
    if (nobody.uid !== undefined) chownSync(d, nobody.uid, nobody.gid);
    chmodSync(d, 0o500);
    const a = start(d, 9000, 1, nobody);
    await a.printed(`the registry directory ${join(d, "default")} cannot be made: EACCES`);
    expect(a.output()).not.toContain("ready");
    chmodSync(d, 0o700);
    await a.printed("ready");
    chmodSync(join(d, "default"), 0o500);
    await pass(4000);
    expect(a.output()).toMatch(/held\nready\n$/);
  });
  test("that is full: said, nothing half-written is read, others are unharmed", async ({ skip }) => {
    const d = directory();
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", d]);
    if (mounted.status !== 0) skip("needs to mount a small disk");
    undo.push(() => spawnSync("umount", ["-l", d]));
    const a = start(d, 9000);
    await a.printed("ready");
    const w = watch(d);
    await w.until((s) => s.instances.length === 1, clock, 2000);
    for (let n = 0, full = false; !full; n++) {
      try {
        writeFileSync(join(d, `filling-${n}`), Buffer.alloc(n < 60 ? 1024 : 1));
      } catch {
        full = true;
      }
    }
    const b = start(d, 1500);
    await b.printed("cannot be written: ENOSPC");
    await pass(4000);
    expect(w.seen.at(-1)?.instances.map((i) => i.id)).toEqual([`${a.child.pid}-0`]);
    expect(a.output()).not.toContain("lost");
    for (const file of readdirSync(d)) if (file.startsWith("filling")) rmSync(join(d, file));
    await b.printed("ready");
    await w.until((s) => s.instances.length === 2, clock, 2000);
    expect(readdirSync(join(d, "default")).filter((f) => !f.endsWith(".json"))).toEqual([]);
  });
});

test("500 instances at rest cost a watcher little", async () => {
  const d = directory();
  const a = start(d, 9000, 500);
  await a.printed("ready");
  const w = watch(d);
  await w.until((s) => s.instances.length === 500, clock, 5000);
  const seen = w.seen.length;
  const before = process.cpuUsage();
  await pass(4000);
  const { user, system } = process.cpuUsage(before);
  expect(w.seen.length).toBe(seen);
  console.log(`500 instances, a renewal of each: ${((user + system) / 40_000).toFixed(1)} % of a CPU`);
}, 30_000);
