// npm run create -- DIR [--yes] [--service NAME]: a new project from this checkout, before anything is published. Packs Skein's packages
// into DIR/vendor and lets create-skein write a project that depends on them.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const cwd = process.env.INIT_CWD ?? process.cwd();
const DIRECT = ["skein", "@skein/cli", "@skein/testing"];

/** Calls a command of this workspace; ends the process when it fails. */
function run(...args) {
  const done = spawnSync(process.execPath, [join(root, "scripts/bootstrap.mjs"), ...args], {
    cwd: root,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (done.status === 0) return;
  process.stderr.write(done.stdout ?? "");
  process.exit(done.status ?? 1);
}

/** Folder of each workspace package by name. */
function workspacePackages() {
  const folders = readdirSync(join(root, "packages")).map((name) => join(root, "packages", name));
  return new Map(
    folders
      .filter((folder) => existsSync(join(folder, "package.json")))
      .map((folder) => [JSON.parse(readFileSync(join(folder, "package.json"), "utf8")), folder])
      .map(([manifest, folder]) => [manifest.name, { manifest, folder }]),
  );
}

/** The direct ones and all of ours that they need. */
function closure(packages) {
  const wanted = new Set();
  const add = (name) => {
    if (wanted.has(name) || !packages.has(name)) return;
    wanted.add(name);
    for (const dependency of Object.keys(packages.get(name).manifest.dependencies ?? {})) add(dependency);
  };
  DIRECT.forEach(add);
  return [...wanted];
}

const packages = workspacePackages();
const wanted = closure(packages);
run("pnpm", "-s", "exec", "tsc", "-b", ...wanted.map((name) => relative(root, packages.get(name).folder)));
const { createPrompt, runCreate } = await import("../packages/create-skein/dist/index.js");

const tarball = (name) =>
  `${name.replace("@", "").replace("/", "-")}-${packages.get(name).manifest.version}.tgz`;
const onTerminal = process.stdin.isTTY && process.stdout.isTTY;
const prompt = onTerminal ? createPrompt(process.stdin, process.stdout) : undefined;
const io = {
  cwd,
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
};
if (prompt !== undefined) io.ask = prompt.ask;

process.exitCode = await runCreate(process.argv.slice(2), io, {
  packages: Object.fromEntries(wanted.map((name) => [name, `file:vendor/${tarball(name)}`])),
  afterwards: (folder) =>
    run(
      ...["pnpm", "-s", ...wanted.flatMap((name) => ["--filter", name])],
      ...["pack", "--pack-destination", join(folder, "vendor")],
    ),
});
prompt?.close();
