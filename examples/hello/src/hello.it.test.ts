import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";

test("one process greets for another, and leaves with 0", async () => {
  const directory = mkdtempSync(join(tmpdir(), "hello-test-"));
  const run = (program: string, ...args: string[]): ChildProcess & { printed: string } => {
    const child = spawn(
      process.execPath,
      ["--conditions=skein-source", "--import", "tsx", join(import.meta.dirname, program), ...args],
      {
        env: { ...process.env, SKEIN_REGISTRY: `local:${directory}/registry` },
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    const kept = Object.assign(child as ChildProcess, { printed: "" });
    child.stdout?.on("data", (chunk) => {
      kept.printed += chunk;
    });
    return kept;
  };
  const service = run("service.ts");
  try {
    await once(service.stdout as NonNullable<ChildProcess["stdout"]>, "data");
    const caller = run("caller.ts", "Ada");
    expect((await once(caller, "exit"))[0]).toBe(0);
    expect(caller.printed).toBe("Hello, Ada!\n");
    service.kill("SIGTERM");
    expect((await once(service, "exit"))[0]).toBe(0);
    expect(service.printed).toContain("serving hello 1.0.0");
  } finally {
    service.kill("SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  }
}, 30_000);
