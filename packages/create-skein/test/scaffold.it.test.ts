import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const WORKSPACE = fileURLToPath(new URL("../../..", import.meta.url));
/** npm and a build of everything are in it. */
const PATIENCE_MS = 240_000;

let parent: string;
let shop: string;
let env: NodeJS.ProcessEnv;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  parent = await mkdtemp(join(tmpdir(), "skein-scaffold-"));
  shop = join(parent, "shop");
  env = { ...cleanEnvironment(), NO_COLOR: "1", SKEIN_REGISTRY: `local:${join(parent, "registry")}` };
});
afterAll(async () => {
  // With all that they have started
  for (const { pid } of children) if (pid !== undefined) process.kill(-pid, "SIGKILL");
  await rm(parent, { recursive: true });
});

/** As in a terminal of its own: without what npm and vitest tell their children, and away from other services of this machine. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const leaked =
    /^(npm_(?!config_(registry|cache|cafile|proxy|https_proxy)$)|VITEST|NODE_ENV|FORCE_COLOR|NODE_OPTIONS|SKEIN_|INIT_CWD)/i;
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => !leaked.test(key)));
}

function start(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
  const child = spawn(command, args, {
    cwd: shop,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    ...options,
  });
  children.add(child);
  child.once("exit", () => children.delete(child));
  return child;
}

/** Its output, both streams; fails with it when the command does. */
async function run(command: string, args: readonly string[], options: SpawnOptions = {}): Promise<string> {
  const child = start(command, args, options);
  const [stdout, stderr, [code]] = await Promise.all([
    child.stdout ? text(child.stdout) : "",
    child.stderr ? text(child.stderr) : "",
    once(child, "exit"),
  ]);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} exited with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

/** All that is written until a line matches. */
function outputUntil(child: ChildProcess, pattern: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = "";
    const look = (chunk: Buffer): void => {
      seen += chunk;
      if (pattern.test(seen)) resolve(seen);
    };
    child.stdout?.on("data", look);
    child.stderr?.on("data", look);
    child.once("exit", (code) => reject(new Error(`exited with ${code} before ${pattern}\n${seen}`)));
  });
}

// One after the other: each goes on with what the last one left
test("npm run create writes a project outside of the workspace", { timeout: PATIENCE_MS }, async () => {
  const output = await run("npm", ["run", "create", "--", shop, "--yes"], { cwd: WORKSPACE });
  expect(output).toContain("Next:");
  expect(existsSync(join(shop, "vendor"))).toBe(true);
});

test("npm install", { timeout: PATIENCE_MS }, async () => {
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"]);
  const listed = JSON.parse(await run("npm", ["ls", "--all", "--json"]));
  expect(listed).not.toHaveProperty("problems");
});

test("skein new service adds others, whatever their names mean elsewhere", {
  timeout: PATIENCE_MS,
}, async () => {
  for (const name of ["line-items", "delete", "maps"])
    expect(await run("npx", ["skein", "new", "service", name])).toContain("changed src/services.ts");
});

test("npm test and npm run typecheck pass, for all of them", { timeout: PATIENCE_MS }, async () => {
  expect(await run("npm", ["test"])).toMatch(/Test Files\s+4 passed/);
  await run("npm", ["run", "typecheck"]);
});

test("npm start serves, the client finds it, SIGTERM ends it with 0", { timeout: PATIENCE_MS }, async () => {
  const service = start("npm", ["start"]);
  const ready = await outputUntil(service, /line-items.*\n/);
  expect(ready).toMatch(/tcp:\/\/127\.0\.0\.1:\d+/);

  const called = await run("npm", ["run", "--silent", "client", "--", "Grace"]);
  expect(called).toMatch(
    /^created \{ id: '[\w-]+', name: 'Grace' \}\nlisted \{ id: '[\w-]+', name: 'Grace' \}\n$/,
  );
  const { services } = JSON.parse(await run("npx", ["skein", "list", "--json"]));
  expect(services.map((one: { name: string }) => one.name)).toEqual(["delete", "line-items", "maps", "user"]);
  const input = '{"name":"bolt"}';
  const created = await run("npx", ["skein", "call", "line-items", "createLineItem", input, "--json"]);
  expect(JSON.parse(created)).toEqual({ id: expect.any(String), name: "bolt" });

  // To the process that serves, as a supervisor does which started it: npm and some shells do not pass SIGTERM on
  const exited = once(service, "exit");
  process.kill(Number(/"pid":(\d+)/.exec(ready)?.[1]), "SIGTERM");
  expect(await exited).toEqual([0, null]);
  expect(JSON.parse(await run("npx", ["skein", "list", "--json"])).services).toEqual([]);
});
