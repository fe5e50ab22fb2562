import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { extname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { type Span, union } from "./starved.ts";

const MOST = 4;
const SOURCE = extname(import.meta.filename);
const PROGRAM = [
  ...(SOURCE === ".ts" ? ["--import", "tsx"] : []),
  join(import.meta.dirname, `../programs/witness${SOURCE}`),
];

type Witness = ChildProcessByStdio<Writable, Readable, null>;

/**
 * When this machine stood still: its host may halt it, one processor or all, and account for a part of that or nothing. (Seen here: 46 ms in which a process that was to wake
 * after 2 ms slept, and others that "ran" for 27 ms without a fault, a switch or a collection, while the host told of 0 to 10 ms.) A process that does nothing
 * is bound to each processor, the first four at most, and tells when its timer came late although nobody else ran there.
 */
export class Witnesses {
  readonly #processes: readonly Witness[];
  readonly #spans: Span[] = [];

  private constructor(processes: readonly Witness[]) {
    this.#processes = processes;
  }

  /** None where the system cannot bind a process to a processor. */
  static async start(): Promise<Witnesses> {
    if (process.platform !== "linux") return new Witnesses([]);
    const processes = Array.from({ length: Math.min(MOST, availableParallelism()) }, (_, cpu) =>
      spawn("taskset", ["-c", String(cpu), process.execPath, ...PROGRAM], {
        stdio: ["pipe", "pipe", "ignore"],
      }),
    );
    const witnesses = new Witnesses(processes);
    await Promise.all(processes.map((each) => witnesses.#hear(each)));
    return witnesses;
  }

  /** Resolves once it is ready, or has ended. */
  async #hear(witness: Witness): Promise<void> {
    const lines = createInterface({ input: witness.stdout });
    const ready = once(lines, "line");
    witness.on("error", () => lines.close());
    await Promise.race([ready, once(lines, "close")]);
    lines.on("line", (line) => {
      const [from, to] = line.split(" ").map(Number) as [number, number];
      this.#spans.push({ from, to });
    });
  }

  get pids(): readonly number[] {
    return this.#processes.flatMap(({ pid }) => pid ?? []);
  }

  /** When at least one processor stood still, one span after the other. What has just been may not be told yet. */
  spans(): readonly Span[] {
    return union(this.#spans);
  }

  async end(): Promise<void> {
    await Promise.all(
      this.#processes.map(async (each) => {
        if (each.pid === undefined || each.exitCode !== null || each.signalCode !== null) return;
        const gone = once(each, "close");
        each.kill("SIGKILL");
        await gone;
      }),
    );
  }
}
