import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { serviceNames } from "./names.ts";
import { Refusal } from "./refusal.ts";
import { addService } from "./services-file.ts";
import { renderTemplate } from "./templates.ts";
import { writeNewFiles } from "./write-files.ts";

export interface NewService {
  /** Folder of the project. */
  readonly root: string;
  /** Relative to it. */
  readonly created: readonly string[];
  /** The file that got the start-up line. */
  readonly changed: string | undefined;
  /** Lines to add by hand where that file is not as the scaffold left it. */
  readonly byHand: readonly string[];
}

const SERVICES_FILE = "src/services.ts";

/**
 * Adds contract, class, test and start-up line of a service to the project around `folder`. No existing file is overwritten; in
 * src/services.ts an import and an item are added.
 * @throws Refusal (2) for a wrong name, (1) outside a project and where a file is already there
 */
export async function newService(name: string, folder: string): Promise<NewService> {
  const names = serviceNames(name);
  const root = await findProject(folder);
  const className = `${names.Class}Service`;
  const modulePath = `./${names.name}.service.js`;
  const files = renderTemplate("service", { ...names });
  const before = await readText(join(root, SERVICES_FILE));
  if (before !== undefined && new RegExp(`\\b${className}\\b`).test(before))
    throw new Refusal(`${SERVICES_FILE} already names ${className}. Nothing was written.`, 1);
  const after = before === undefined ? undefined : addService(before, className, modulePath);
  await writeNewFiles(root, files);
  if (after !== undefined) await writeFile(join(root, SERVICES_FILE), after);
  return {
    root,
    created: files.map((file) => file.path),
    changed: after === undefined ? undefined : SERVICES_FILE,
    byHand:
      after === undefined
        ? [`import { ${className} } from "${modulePath}";`, `await serve(…, new ${className}());`]
        : [],
  };
}

/** The nearest folder upwards whose package.json depends on skein. */
async function findProject(from: string): Promise<string> {
  let other: string | undefined;
  for (let folder = from; ; folder = dirname(folder)) {
    const manifest = await readText(join(folder, "package.json"));
    if (manifest !== undefined) {
      if (dependsOnSkein(manifest)) return folder;
      other ??= join(folder, "package.json");
    }
    if (dirname(folder) === folder) break;
  }
  const why =
    other === undefined
      ? `there is no package.json in ${from} or above it`
      : `${other} does not depend on skein`;
  throw new Refusal(`No Skein project here: ${why}. Start one with: npm create skein@latest my-project`, 1);
}

function dependsOnSkein(manifest: string): boolean {
  let parsed: unknown;
  try {
    parsed = JSON.parse(manifest);
  } catch {
    return false;
  }
  const fields = parsed as { readonly dependencies?: unknown; readonly devDependencies?: unknown } | null;
  return [fields?.dependencies, fields?.devDependencies].some(
    (set) => typeof set === "object" && set !== null && "skein" in set,
  );
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
