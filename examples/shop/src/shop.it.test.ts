import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

/** Runs the shop with a registry of its own. */
async function shop(...options: string[]): Promise<{ readonly code: number; readonly lines: string[] }> {
  const directory = mkdtempSync(join(tmpdir(), "shop-test-"));
  try {
    return await new Promise((resolve, reject) => {
      const child = spawn(
        process.execPath,
        ["--conditions=skein-source", "--import", "tsx", join(import.meta.dirname, "main.ts"), ...options],
        {
          env: { ...process.env, SKEIN_REGISTRY: `local:${directory}/registry`, NO_COLOR: "1" },
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      let printed = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk) => {
          printed += chunk;
        });
      child.once("error", reject);
      child.once("exit", (code) => resolve({ code: code ?? -1, lines: printed.trim().split("\n") }));
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("instances are killed in mid-call and rolled, and no call fails", async () => {
  const { code, lines } = await shop();
  expect(lines.at(-1)).toMatch(/^calls: \d{4,} ok, 0 failed$/);
  expect(lines.at(-2)).toMatch(/5 of them in mid-call; one instance rolled with SIGTERM, exit code 0$/);
  expect(code).toBe(0);
}, 90_000);

test("the control: without retries calls fail, and the exit code says so", async () => {
  const { code, lines } = await shop("--no-retries");
  expect(lines.at(-1)).toMatch(/^calls: \d+ ok, [1-9]\d* failed$/);
  expect(code).toBe(1);
}, 90_000);

test.each([
  [["--kills", "2"], "--kills is 2: give a whole number of at least 5"],
  [["--kills", "many"], "--kills is many: give a whole number of at least 5"],
  [["--bogus"], "Unknown option '--bogus'"],
])("%j is refused by name, with the help", async (given, words) => {
  const { code, lines } = await shop(...given);
  expect(lines[0]).toBe(words);
  expect(lines).toContainEqual(expect.stringContaining("npm start -- --no-retries"));
  expect(code).toBe(2);
});
