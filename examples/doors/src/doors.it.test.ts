import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const has = (program: string, ask: string): boolean => spawnSync(program, [ask]).status === 0;
const hasCurl = has("curl", "--version");
const hasGo = has("go", "version");
if (!hasGo && process.env.CI === "true") throw new Error("CI needs Go for the callers that are Go programs");

interface Ran {
  readonly code: number;
  readonly lines: readonly string[];
  readonly complaint: string;
}

function doors(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const directory = mkdtempSync(join(tmpdir(), "doors-test-"));
  const program = ["--conditions=skein-source", "--import", "tsx", join(import.meta.dirname, "main.ts")];
  const options = {
    env: { ...process.env, SKEIN_REGISTRY: `local:${directory}/registry`, NO_COLOR: "1", ...env },
  };
  return new Promise((resolve) => {
    execFile(process.execPath, [...program, ...args], options, (error, stdout, stderr) => {
      rmSync(directory, { recursive: true, force: true });
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, lines: stdout.trim().split("\n"), complaint: stderr.trim() });
    });
  });
}

const marked = ({ lines }: Ran, mark: string): string[] =>
  lines.filter((line) => line.startsWith(mark)).map((line) => line.slice(8).split(/ +/)[0] as string);

test("each client gets the same user from the same port", async () => {
  const ran = await doors([]);
  expect(ran.lines.at(-1)).toBe("all the same");
  const all = ["skein", "http", "http", "jsonrpc", "grpc", "grpc", "http", "grpc"];
  expect([...marked(ran, "ok"), ...marked(ran, "skipped")].sort()).toEqual(all.sort());
  expect(marked(ran, "skipped")).toHaveLength((hasCurl ? 0 : 2) + (hasGo ? 0 : 4));
  expect(ran.code).toBe(0);
}, 600_000);

test.skipIf(!hasCurl)(
  "the control: who stands before a door that is not open fails, the others do not",
  async () => {
    const ran = await doors(["--without", "http"]);
    expect(marked(ran, "FAILED")).toEqual(["http", "http"]);
    expect(ran.code).toBe(1);
  },
  600_000,
);

test("what is not on the machine is skipped, and said", async () => {
  const ran = await doors([], { PATH: dirname(process.execPath) });
  expect(marked(ran, "FAILED")).toEqual([]);
  expect(ran.lines.join("\n")).toContain("there is no go on this machine");
  expect(ran.code).toBe(0);
}, 60_000);

test("a door that does not exist is refused by name", async () => {
  const ran = await doors(["--without", "soap"]);
  expect(ran.complaint).toBe("--without is soap: give one of http, grpc, jsonrpc");
  expect(ran.code).toBe(1);
}, 60_000);
