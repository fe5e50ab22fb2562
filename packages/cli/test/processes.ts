import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

/** A child process, and what it prints. */
export interface Running extends AsyncDisposable {
  readonly process: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves once the text is in either stream; rejects when it ends before. */
  printed(text: string): Promise<void>;
  /** Exit code, or the signal's name, once both streams have ended. */
  readonly ended: Promise<number | string>;
}

/** Starts a command; disposing kills it if it still runs. */
export function start(command: string, args: readonly string[], options: SpawnOptions = {}): Running {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], ...options });
  const texts = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("utf8").on("data", (chunk: string) => {
      texts[name] += chunk;
      for (const listener of listeners) listener();
    });
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string);
  return {
    process: child,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if ((texts.stdout + texts.stderr).includes(text)) resolve();
        };
        listeners.add(look);
        look();
        ended.then((code) => {
          const output = texts.stdout + texts.stderr;
          reject(
            new Error(`${command} ended with ${code} before it printed ${JSON.stringify(text)}:\n${output}`),
          );
        }, reject);
      }),
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}
