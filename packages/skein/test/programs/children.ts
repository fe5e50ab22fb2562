import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Child {
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it printed so far, both streams. */
  output(): string;
  /** Exit code, or the signal's name. */
  readonly exited: Promise<number | string>;
  /** Sends the signal and waits for the end; how it ended, and after how many ms. */
  end(signal: NodeJS.Signals): Promise<{ readonly code: number | string; readonly ms: number }>;
}

/** A test's own registry directory, ledgers and processes; nothing of it outlives the test. */
export class Yard implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "skein-yard-"));
  readonly children = new Set<Child>();
  #ledgers = 0;

  get registry(): string {
    return `local:${join(this.directory, "registry")}`;
  }

  /** Starts a program of this folder and waits until it says that it is ready. */
  async start(program: string, env: NodeJS.ProcessEnv = {}): Promise<Child> {
    const child = fork(join(import.meta.dirname, program), {
      env: {
        ...process.env,
        SKEIN_REGISTRY: this.registry,
        LEDGER: join(this.directory, `ledger-${++this.#ledgers}`),
        ...env,
      },
      execArgv: ["--conditions=skein-source", "--import", "tsx"],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk) => {
        printed += chunk;
      });
    const exited = once(child, "exit").then(([code, signal]) => (code ?? signal) as number | string);
    const made: Child = {
      process: child,
      pid: child.pid as number,
      output: () => printed,
      exited,
      async end(signal) {
        const from = performance.now();
        child.kill(signal);
        const code = await exited;
        return { code, ms: performance.now() - from };
      },
    };
    this.children.add(made);
    const early = exited.then((code) => {
      throw new Error(`${program} ended with ${code} before it was ready:\n${printed}`);
    });
    early.catch(() => {});
    await Promise.race([once(child, "message"), early]);
    return made;
  }

  /** How often each call was begun, over all processes. */
  executions(): Map<string, number> {
    const begun = new Map<string, number>();
    for (let i = 1; i <= this.#ledgers; i++) {
      const file = join(this.directory, `ledger-${i}`);
      if (!existsSync(file)) continue;
      for (const line of readFileSync(file, "utf8").split("\n")) {
        const id = /^begin (.+)$/.exec(line)?.[1];
        if (id !== undefined) begun.set(id, (begun.get(id) ?? 0) + 1);
      }
    }
    return begun;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.children) child.process.kill("SIGKILL");
    await Promise.all([...this.children].map((child) => child.exited));
    rmSync(this.directory, { recursive: true, force: true });
  }
}
