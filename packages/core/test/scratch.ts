import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";

const run = promisify(execFile);
export const root = join(import.meta.dirname, "../../..");

/** A folder for programs that are compiled as a user's are; it goes away with the test file. */
export interface Scratch {
  readonly folder: string;
  /** @returns where it was written */
  write(file: string, text: string): string;
  /** Core and what it needs in one file, as `@skein/core` in a node_modules. With `shared` it leaves reflect-metadata to the program. */
  installCore(options: { in: string; reflectMetadata: "own" | "shared" }): Promise<void>;
  /** What the program prints, as JSON. */
  node(...args: string[]): Promise<unknown>;
  [Symbol.dispose](): void;
}

export function createScratch(): Scratch {
  const folder = mkdtempSync(join(import.meta.dirname, ".tmp-"));
  const write = (file: string, text: string): string => {
    const path = join(folder, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  write("package.json", '{ "type": "module" }');
  return {
    folder,
    write,
    async installCore({ in: place, reflectMetadata }) {
      const home = join(place, "node_modules/@skein/core");
      write(
        join(home, "package.json"),
        '{ "name": "@skein/core", "type": "module", "exports": "./index.js" }',
      );
      await build({
        entryPoints: [join(import.meta.dirname, "../src/index.ts")],
        bundle: true,
        format: "esm",
        platform: "node",
        target: "es2022",
        external: reflectMetadata === "shared" ? ["reflect-metadata"] : [],
        outfile: join(folder, home, "index.js"),
        logLevel: "error",
      });
    },
    async node(...args) {
      const { stdout } = await run(process.execPath, args, { cwd: folder });
      return JSON.parse(stdout);
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A package's folder where the program looks for it. */
export function link(scratch: Scratch, name: string): void {
  const target = join(root, "packages/core/node_modules", name);
  const place = join(scratch.folder, "node_modules", name);
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(target, place, "dir");
}
