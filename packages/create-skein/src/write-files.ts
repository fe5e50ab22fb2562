import { existsSync } from "node:fs";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Refusal } from "./refusal.ts";
import type { PlannedFile } from "./templates.ts";

/** May be there already: a repository that was just made. */
const HARMLESS = [".git"];
const NAMED = 5;

/** @throws Refusal (1) that names what is in the way, unless the folder is missing or empty */
export async function requireEmptyFolder(folder: string, shown: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(folder);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") throw new Refusal(`${shown} is a file. Name a new folder.`, 1);
    throw new Refusal(`${shown} cannot be read: ${messageOf(error)}`, 1);
  }
  const inTheWay = entries.filter((entry) => !HARMLESS.includes(entry)).sort();
  if (inTheWay.length === 0) return;
  const more = inTheWay.length > NAMED ? ` and ${inTheWay.length - NAMED} more` : "";
  throw new Refusal(
    `${shown} is not empty: ${inTheWay.slice(0, NAMED).join(", ")}${more}. Nothing was written; name a new or an empty folder.`,
    1,
  );
}

/**
 * Writes all or, when one of them exists, none. Each is opened so that a file which appeared meanwhile is not overwritten either.
 * @throws Refusal (1) that names the files in the way, or says why one could not be written
 */
export async function writeNewFiles(folder: string, files: readonly PlannedFile[]): Promise<void> {
  const existing = files.filter((file) => existsSync(join(folder, file.path))).map((file) => file.path);
  if (existing.length > 0)
    throw new Refusal(`${existing.join(", ")}: already there, and not overwritten. Nothing was written.`, 1);
  for (const file of files) {
    const path = join(folder, file.path);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, file.text, { flag: "wx" });
    } catch (error) {
      throw new Refusal(`${file.path} could not be written: ${messageOf(error)}`, 1);
    }
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
