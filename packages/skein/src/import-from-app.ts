import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** Where an application's own packages are found: seen from us, from its main module, from the directory it was started in. */
function bases(): readonly string[] {
  const main = process.argv[1];
  return [
    import.meta.url,
    ...(main === undefined ? [] : [pathToFileURL(join(dirname(resolve(main)), "main.js")).href]),
    pathToFileURL(join(process.cwd(), "main.js")).href,
  ];
}

/** Path of a package that the application may have installed; undefined when it has not. */
export function resolveFromApp(specifier: string): string | undefined {
  for (const base of bases()) {
    try {
      return createRequire(base).resolve(specifier);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return undefined;
}

/** A package of the application's, at once; undefined when it is not installed. */
export function requireFromApp(specifier: string): unknown {
  const path = resolveFromApp(specifier);
  return path === undefined ? undefined : createRequire(import.meta.url)(path);
}

/** A package of the application's; undefined when it is not installed. */
export async function importFromApp(specifier: string): Promise<Record<string, unknown> | undefined> {
  const path = resolveFromApp(specifier);
  return path === undefined
    ? undefined
    : ((await import(pathToFileURL(path).href)) as Record<string, unknown>);
}

function isMissing(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
}
