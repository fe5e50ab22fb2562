import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { basename, join } from "node:path";

/** Of what a server wrote, so much is shown when it ends too early, characters. */
const SHOWN = 2000;
const script = join(import.meta.dirname, "../../../scripts/server.mjs");
const found = new Map<string, string>();

/**
 * Path of a server by its name in Skein's scripts/server.mjs; undefined where there is none and none can be installed (in CI that is an error). Only
 * within Skein's own repository.
 */
export function serverBinary(name: string): string | undefined {
  const known = found.get(name);
  if (known !== undefined) return known;
  try {
    const path = execFileSync(process.execPath, [script, name, "--install"], { encoding: "utf8" }).trim();
    found.set(name, path);
    return path;
  } catch (error) {
    if (process.env.CI === "true") throw error;
    return undefined;
  }
}

/** Below those that systems give to what connects: one of them may be gone before a server has it, to a connection of whoever tries to reach that server. */
const PORTS = { from: 10_240, to: 32_767 } as const;

/** A TCP port of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    const server = createServer().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
      throw error;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** A server in a process of its own, that can be killed, started again, and frozen. */
export class ServerProcess {
  #child: ChildProcess | undefined;
  #output = "";

  /** What it wrote since its start. */
  get output(): string {
    return this.#output;
  }

  /** Resolves once its output matches `ready`; rejects, with its output's end, when it ends before. */
  async start(file: string, args: readonly string[], ready: RegExp): Promise<void> {
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
    // A test that ends in the middle leaves no server behind.
    const end = (): void => void child.kill("SIGKILL");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    this.#child = child;
    this.#output = "";
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        this.#output += chunk.toString();
        if (ready.test(this.#output)) resolve();
      };
      child.stderr.on("data", read);
      child.stdout.on("data", read);
      child.once("error", reject);
      child.once("exit", (code) =>
        reject(new Error(`${basename(file)} ended with ${code}: ${this.#output.slice(-SHOWN)}`)),
      );
    });
  }

  /** Resolves once it is no more. Idempotent. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Frozen until resume(). */
  stop(): void {
    this.#child?.kill("SIGSTOP");
  }
  resume(): void {
    this.#child?.kill("SIGCONT");
  }
}
