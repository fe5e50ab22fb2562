import { execFile, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const sources = join(import.meta.dirname, "../go");
const built = join(import.meta.dirname, "../../../.cache/example-doors");

/** What it printed. Rejects with what it complained of. */
export async function output(program: string, ...args: readonly string[]): Promise<string> {
  try {
    return (await run(program, args, { timeout: 20_000 })).stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as { stdout?: string; stderr?: string; message: string };
    throw new Error((stderr || stdout || message).trim());
  }
}

export const has = (program: string, ...args: readonly string[]): boolean =>
  spawnSync(program, args, { stdio: "ignore" }).status === 0;

/** Builds a Go program of this example (the first time: a minute) and gives its path. */
export async function buildGo(module: string, target = "."): Promise<string> {
  mkdirSync(built, { recursive: true });
  const program = join(built, target === "." ? module : (target.split("/").at(-1) as string));
  await run("go", ["build", "-o", program, target], { cwd: join(sources, module), timeout: 600_000 });
  return program;
}
