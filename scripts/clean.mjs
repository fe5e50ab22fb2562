// Removes what was built, and the caches: a next build starts from nothing. Installed packages stay.
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const folders = ["packages", "examples"]
  .map((parent) => join(root, parent))
  .filter((parent) => existsSync(parent))
  .flatMap((parent) => readdirSync(parent).map((name) => join(parent, name)));
for (const folder of [root, ...folders])
  for (const made of ["dist", ".turbo"]) rmSync(join(folder, made), { recursive: true, force: true });
rmSync(join(root, "node_modules/.cache/turbo"), { recursive: true, force: true });
