import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { EXIT } from "./exit.ts";
import type { CliClock, CliIo, Output } from "./io.ts";

/** The process as commands see it. Call once: it listens to Ctrl-C and to the ends of pipes. `close` when the command is done. */
export function processIo(): { readonly io: CliIo; close(): void } {
  const interrupt = new AbortController();
  const input = standardInput(interrupt.signal);
  process.on("SIGINT", () => {
    // A second one does not wait for anything to end
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
  const io: CliIo = {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    stdinLines: input.lines,
    readFile: (path) => readFile(path, "utf8"),
    interrupted: interrupt.signal,
    clock,
  };
  // What the framework waits for does not keep a process alive; a command that is not over does
  const alive = setInterval(() => {}, 2 ** 30);
  const close = (): void => {
    clearInterval(alive);
    input.close();
  };
  return { io, close };
}

function outputOf(stream: NodeJS.WriteStream): Output {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever read has seen enough: `skein watch | head -3`
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    throw error;
  });
  return {
    isTTY: stream.isTTY === true,
    write: (text) => new Promise((resolve) => stream.write(text, () => resolve())),
  };
}

/** Left alone until somebody reads it, given up when the command is over: an open terminal would keep the process. */
function standardInput(interrupted: AbortSignal): { lines(): AsyncGenerator<string>; close(): void } {
  let used = false;
  return {
    async *lines() {
      used = true;
      const options = { input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY, signal: interrupted };
      yield* createInterface(options);
    },
    close: () => {
      if (used) process.stdin.destroy();
    },
  };
}

const clock: CliClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  every: (ms, fire) => {
    const timer = setInterval(fire, ms);
    return () => clearInterval(timer);
  },
  pause: () => new Promise((resolve) => setImmediate(resolve)),
};
