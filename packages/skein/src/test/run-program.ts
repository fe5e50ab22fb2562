import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Program extends AsyncDisposable {
  readonly process: ChildProcess;
  /** What it printed so far on both streams. */
  output(): string;
  /** Its log: the lines that are JSON. */
  log(): { readonly level: string; readonly msg: string; readonly [field: string]: unknown }[];
  /** Resolves once it has printed the text; rejects when it ends before. */
  printed(text: string): Promise<void>;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
}

/** A registry directory of the test's own. */
export function temporaryRegistry(): { readonly url: string; readonly directory: string } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), "skein-it-"));
  return {
    url: `local:${directory}`,
    directory,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

/** Runs a program of ./programs from its source. */
export function run(program: string, argument: string, env: NodeJS.ProcessEnv): Program {
  const child = spawn(
    process.execPath,
    [
      "--conditions=skein-source",
      "--import",
      "tsx",
      join(import.meta.dirname, "programs", program),
      argument,
    ],
    { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => {
      output += chunk;
      for (const look of waiting) look();
    });
  // `close`, not `exit`: all that it printed has been read by then.
  const exited = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  return {
    process: child,
    exited,
    output: () => output,
    log: () =>
      output
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line)),
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!output.includes(text)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void exited.then((code) =>
          reject(new Error(`ended with ${code} without printing ${text}:\n${output}`)),
        );
      }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
