import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AdapterChoice, packageFolder } from "./catalogue.ts";

/** An install or a build that takes longer than this is given up, and the peer skipped. */
const PREPARE_MS = 5 * 60_000;

export const goBinary = join(
  packageFolder,
  "peers",
  "go",
  "bin",
  process.platform === "win32" ? "bench-go.exe" : "bench-go",
);

/** Installs or builds what the adapter needs, once. Throws with the reason why the peer has to be skipped. */
export async function preparePeer({ entry }: AdapterChoice, log: (line: string) => void): Promise<void> {
  const { needs } = entry;
  if (needs.kind === "npm" || needs.kind === "door") await installFolder(needs.folder, log);
  else if (needs.kind === "go") await buildGo(log);
}

/** Few retries: without a network every peer is tried and skipped, which must not take minutes. */
const npmInstall = [
  "install",
  "--no-audit",
  "--no-fund",
  "--ignore-scripts",
  "--loglevel=error",
  "--fetch-retries=1",
  "--fetch-retry-mintimeout=1000",
];

/** Whether what peers/NAME asks for is there already. */
export function isInstalled(name: string): boolean {
  const { stamp, wanted } = stampOf(join(packageFolder, "peers", name));
  return existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
}

function stampOf(folder: string): { readonly stamp: string; readonly wanted: string } {
  const manifest = readFileSync(join(folder, "package.json"));
  const wanted = createHash("sha256").update(manifest).digest("hex");
  return { stamp: join(folder, "node_modules", ".bench-installed"), wanted };
}

async function installFolder(name: string, log: (line: string) => void): Promise<void> {
  if (isInstalled(name)) return;
  const folder = join(packageFolder, "peers", name);
  const { stamp, wanted } = stampOf(folder);
  log(`installing peers/${name} …`);
  await run("npm", npmInstall, folder);
  writeFileSync(stamp, wanted);
}

let goBuilt: Promise<void> | undefined;

/** go build keeps a cache of its own: it is asked once a run, whether or not the program is there. */
function buildGo(log: (line: string) => void): Promise<void> {
  goBuilt ??= (async () => {
    log("building peers/go …");
    await run("go", ["build", "-o", goBinary, "."], join(packageFolder, "peers", "go"));
  })();
  return goBuilt;
}

/** The settings of the package manager that started us are not meant for npm; the registry and the proxy are. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([key]) =>
        !/^npm_(config|package|lifecycle|command)_/i.test(key) ||
        /registry|proxy|cafile|^npm_config_cache$/i.test(key),
    ),
  );
}

function run(command: string, args: readonly string[], folder: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: folder,
      env: cleanEnvironment(),
      stdio: ["ignore", "ignore", "pipe"],
      shell: process.platform === "win32",
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), PREPARE_MS);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-2000);
    });
    const fail = (why: string): void => reject(new Error(`${command} ${args[0]}: ${why}`));
    child.on("error", (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      fail(error.code === "ENOENT" ? `there is no ${command} on PATH` : error.message);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (code === 0) return resolve();
      const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !/^npm warn/i.test(line));
      fail(lines.slice(0, 3).join("; ") || `ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}
