import { lstatSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Where processes of one user on one machine meet. One rule that does not depend on the session (no TMPDIR, no XDG_RUNTIME_DIR: they differ between
 * a login shell, cron and ssh): /tmp/skein-UID. SKEIN_LOCAL_DIR overrides it.
 */
export function localDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = env.SKEIN_LOCAL_DIR;
  if (given !== undefined && given !== "") return given;
  const uid = process.getuid?.();
  return uid === undefined ? join(tmpdir(), "skein") : `/tmp/skein-${uid}`;
}

/**
 * Makes the directory (0700) where it is missing. Throws, naming it and what to do, where others could plant records in it.
 */
export function ensurePrivateDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Error(
      `the registry directory ${directory} cannot be made: ${(error as Error).message}. Set SKEIN_LOCAL_DIR to one that can`,
      { cause: error },
    );
  }
  const uid = process.getuid?.();
  const info = lstatSync(directory);
  if (!info.isDirectory())
    throw new Error(
      `the registry directory ${directory} is no directory (a link?): remove it, or set SKEIN_LOCAL_DIR`,
    );
  if (uid === undefined) return;
  if (info.uid !== uid)
    throw new Error(
      `the registry directory ${directory} belongs to user ${info.uid}, not to ${uid}: set SKEIN_LOCAL_DIR to one of your own`,
    );
  if ((info.mode & 0o077) !== 0)
    throw new Error(
      `the registry directory ${directory} is open to other users (mode ${(info.mode & 0o777).toString(8)}): chmod 700 ${directory}`,
    );
}
