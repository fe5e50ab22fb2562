import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ownVersion, TOOL_VERSIONS } from "./versions.ts";

test("a new project gets the tools of our own catalog", () => {
  const catalog = readFileSync(new URL("../../../pnpm-workspace.yaml", import.meta.url), "utf8");
  for (const [name, range] of Object.entries(TOOL_VERSIONS)) {
    const key = name.startsWith("@") ? `"${name}"` : name;
    expect(catalog, name).toContain(`\n  ${key}: ${range.slice(1)}\n`);
  }
});

test("Skein's packages share one version", () => {
  for (const name of ["skein", "testing", "cli"]) {
    const manifest = JSON.parse(readFileSync(new URL(`../../${name}/package.json`, import.meta.url), "utf8"));
    expect(manifest.version, name).toBe(ownVersion());
  }
});
