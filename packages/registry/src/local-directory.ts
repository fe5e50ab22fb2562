import { lstatSync, mkdirSync, type Stats } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/**
 * Where processes of one user on one machine meet. One rule that does not depend on the session (no TMPDIR, no XDG_RUNTIME_DIR: they differ between
 * a login shell, cron and ssh): /tmp/skein-UID. SKEIN_LOCAL_DIR overrides it; a unit with a /tmp of its own (systemd's PrivateTmp) needs that.
 */
export function localDirectory(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const given = env.SKEIN_LOCAL_DIR;
  if (given !== undefined && given !== "") return resolve(given);
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
  checkPrivateDirectory(directory);
}

/** Throws, naming it and what to do, where it is missing or others could plant records in it. Links are not followed. */
export function checkPrivateDirectory(directory: string): Stats {
  const info = lstatSync(directory, { throwIfNoEntry: false });
  if (info === undefined) throw new Error(`the registry directory ${directory} is gone`);
  if (!info.isDirectory())
    throw new Error(
      `the registry directory ${directory} is no directory (a link?): remove it, or set SKEIN_LOCAL_DIR`,
    );
  const uid = process.getuid?.();
  if (uid === undefined) return info;
  if (info.uid !== uid)
    throw new Error(
      `the registry directory ${directory} belongs to user ${info.uid}, not to ${uid}: set SKEIN_LOCAL_DIR to one of your own`,
    );
  if ((info.mode & 0o077) !== 0)
    throw new Error(
      `the registry directory ${directory} is open to other users (mode ${(info.mode & 0o777).toString(8)}): chmod 700 ${directory}`,
    );
  return info;
}
