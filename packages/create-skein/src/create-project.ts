import { basename, resolve } from "node:path";
import { projectName, serviceNames, suggestName } from "./names.ts";
import { planProject } from "./project.ts";
import { requireEmptyFolder, writeNewFiles } from "./write-files.ts";

export interface CreateOptions {
  /** Where the project goes; relative to `cwd`. */
  readonly directory: string;
  readonly cwd: string;
  /** npm package name. @default the folder's name */
  readonly name?: string | undefined;
  /** First service. @default "user" */
  readonly service?: string | undefined;
  /** See ProjectOptions. */
  readonly packages?: Readonly<Record<string, string>> | undefined;
}

export interface CreatedProject {
  readonly folder: string;
  readonly name: string;
  readonly files: readonly string[];
}

export const DEFAULT_SERVICE = "user";

/**
 * Writes a project into a new or empty folder.
 * @throws Refusal (2) for a wrong name, (1) when something is in the way
 */
export async function createProject(options: CreateOptions): Promise<CreatedProject> {
  const folder = resolve(options.cwd, options.directory);
  const name = projectName(options.name ?? defaultProjectName(folder));
  const service = serviceNames(options.service ?? DEFAULT_SERVICE);
  await requireEmptyFolder(folder, options.directory);
  const files = planProject({ name, service, packages: options.packages });
  await writeNewFiles(folder, files);
  return { folder, name, files: files.map((file) => file.path) };
}

/** A folder's name need not be a package's: "My Shop" becomes my-shop. */
export function defaultProjectName(folder: string): string {
  const base = basename(folder);
  return suggestName(base) ?? base;
}
