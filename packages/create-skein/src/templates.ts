import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file to be written; the path is relative to the project, with "/". */
export interface PlannedFile {
  readonly path: string;
  readonly text: string;
}

const ROOT = new URL("../templates/", import.meta.url);
/** npm leaves these names out of packages, so the templates carry an underscore. */
const DOTFILES: Readonly<Record<string, string>> = {
  _gitignore: ".gitignore",
  _dockerignore: ".dockerignore",
};

/** Every file of a template folder, with `__key__` replaced in paths and texts. An unknown key is a fault of the template. */
export function renderTemplate(
  folder: "project" | "service",
  values: Readonly<Record<string, string>>,
): PlannedFile[] {
  const base = new URL(`${folder}/`, ROOT);
  return readdirSync(fileURLToPath(base), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const file = `${entry.parentPath}/${entry.name}`;
      const relative = file.slice(fileURLToPath(base).length).replaceAll("\\", "/").replace(/^\/+/, "");
      return {
        path: fill(DOTFILES[relative] ?? relative, values),
        text: fill(readFileSync(file, "utf8"), values),
      };
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/__([A-Za-z]+)__/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`template: nothing for __${key}__`);
    return value;
  });
}
