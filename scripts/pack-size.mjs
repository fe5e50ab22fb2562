// npm run size: packs every publishable package and installs the tarballs as a user would, without install scripts.
// What `skein` brings is counted and bounded; every entry of every package is imported; every command says --help.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const limitBytes = 8e6;
/** The only packages of others that ours may depend on, within what `skein` brings. */
const allowed = ["msgpackr", "pino", "reflect-metadata"];

const root = resolve(import.meta.dirname, "..");
const windows = process.platform === "win32";
/** @type {string[]} */
const problems = [];

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

/** Runs a command quietly; its output is shown when it fails.
 * @param {string} command @param {string[]} args @param {string} cwd */
function run(command, args, cwd) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: "utf8", shell: windows });
  if (status === 0) return true;
  problems.push(`${command} ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`);
  return false;
}

const published = readdirSync(join(root, "packages"))
  .map((name) => join(root, "packages", name))
  .filter((folder) => existsSync(join(folder, "package.json")))
  .map((folder) => ({ folder, manifest: readJson(join(folder, "package.json")) }))
  .filter(({ manifest }) => !manifest.private);
const ours = new Map(published.map((p) => [p.manifest.name, p]));

/** `skein` and those of ours that it needs. @param {string} name @param {Set<string>} found */
function needsOf(name, found = new Set()) {
  if (found.has(name) || !ours.has(name)) return found;
  found.add(name);
  for (const other of Object.keys(ours.get(name)?.manifest.dependencies ?? {})) needsOf(other, found);
  return found;
}

/** Output whose source is gone would be packed: tsc never removes it. @param {string} folder */
function pruneOutput(folder) {
  for (const entry of readdirSync(join(folder, "dist"), { recursive: true })) {
    const [, stem] = /^(.*?)(?:\.d)?\.[cm]?[jt]s(?:\.map)?$/.exec(String(entry)) ?? [];
    if (stem !== undefined && !existsSync(join(folder, "src", `${stem}.ts`)))
      rmSync(join(folder, "dist", String(entry)));
  }
}

/** @param {string} folder @returns {number} */
function bytesOf(folder) {
  let sum = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    sum += entry.isDirectory() ? bytesOf(path) : lstatSync(path).size;
  }
  return sum;
}

/** @param {number} bytes */
const kilobytes = (bytes) => `${(bytes / 1e3).toFixed(0)} kB`.padStart(9);

/** @param {string} name @param {readonly string[]} packages */
function installIn(name, packages) {
  const folder = join(scratch, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const tarballs = packages.map((name) => {
    const { version } = ours.get(name)?.manifest ?? {};
    return join(scratch, "tarballs", `${name.replace("@", "").replace("/", "-")}-${version}.tgz`);
  });
  const quiet = ["--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund", "--loglevel=error"];
  return run("npm", ["install", ...quiet, ...tarballs], folder) ? folder : undefined;
}

/** @param {string} folder where `skein` alone is installed */
function checkSize(folder) {
  const { packages } = readJson(join(folder, "package-lock.json"));
  let total = 0;
  let count = 0;
  for (const [path, entry] of Object.entries(packages)) {
    if (path === "" || !existsSync(join(folder, path))) continue; // absent: for another platform
    const name = path.split("node_modules/").at(-1) ?? path;
    const bytes = bytesOf(join(folder, path));
    total += bytes;
    count++;
    console.log(`${kilobytes(bytes)}  ${name} ${entry.version}`);
    if (!ours.has(name)) continue;
    for (const other of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies }))
      if (!ours.has(other) && !allowed.includes(other))
        problems.push(
          `${name} brings ${other}: installing skein may bring ${allowed.join(", ")} and ours only`,
        );
  }
  console.log(`${kilobytes(total)}  in ${count} packages (at most ${kilobytes(limitBytes).trim()})`);
  if (total > limitBytes) problems.push(`installing skein brings ${total} bytes, more than ${limitBytes}`);
}

/** @param {string} folder where all are installed @param {string} name */
function checkPackage(folder, name) {
  const manifest = readJson(join(folder, "node_modules", name, "package.json"));
  if (/workspace:|catalog:|skein-source/.test(JSON.stringify([manifest.dependencies, manifest.exports])))
    problems.push(`${name}: its packed package.json still speaks of this workspace`);
  // The suites import vitest, a peer that belongs to their user and refuses to load outside a test run.
  if (!manifest.peerDependencies?.vitest)
    for (const entry of Object.keys(manifest.exports).filter((entry) => entry !== "./package.json")) {
      const specifier = JSON.stringify(join(name, entry));
      run(process.execPath, ["--input-type=module", "--eval", `await import(${specifier})`], folder);
      run(
        process.execPath,
        ["--no-warnings", "--input-type=commonjs", "--eval", `require(${specifier})`],
        folder,
      );
    }
  for (const command of Object.keys(manifest.bin ?? {}))
    run(join(folder, "node_modules/.bin", command), ["--help"], folder);
}

const scratch = mkdtempSync(join(tmpdir(), "skein-pack-"));
try {
  mkdirSync(join(scratch, "tarballs"));
  const bootstrap = [join(root, "scripts/bootstrap.mjs"), "pnpm", "-s"];
  const filters = [...ours.keys()].flatMap((name) => ["--filter", name]);
  const pack = [...bootstrap, ...filters, "pack", "--pack-destination", join(scratch, "tarballs")];
  const build = [...bootstrap, "exec", "tsc", "-b", ...published.map(({ folder }) => folder)];
  if (run(process.execPath, build, root)) {
    for (const { folder } of published) pruneOutput(folder);
    if (run(process.execPath, pack, root)) {
      const small = installIn("skein", [...needsOf("skein")]);
      if (small !== undefined) checkSize(small);
      const all = installIn("all", [...ours.keys()]);
      if (all !== undefined) for (const name of ours.keys()) checkPackage(all, name);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`all ${ours.size} packages install, import and run`);
