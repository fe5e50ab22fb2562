import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const source = join(import.meta.dirname, "../go/nats-micro");
const folder = join(import.meta.dirname, "../../../.cache/servers/nats-micro-interop");
const program = join(folder, "nats-micro-interop");

export const hasGo = spawnSync("go", ["version"]).status === 0;
if (!hasGo && process.env.CI === "true") throw new Error("CI needs Go for the tests beside Go programs");

export function buildGo(): void {
  mkdirSync(folder, { recursive: true });
  execFileSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
}

/** The Go program's service, as its callers here see it. */
export interface Calc {
  add(numbers: { A: number; B: number } | string): Promise<number>;
  label(): Promise<string>;
  sleep(ms: number): Promise<string>;
  fail(): Promise<void>;
  about(): Promise<{ tenant: string; token: string; timeout: string; trace: string }>;
  plain(): Promise<void>;
  nope(): Promise<void>;
}

export interface GoAnswer {
  readonly data: string;
  readonly error: string;
  readonly code: string;
  /** There was none. */
  readonly failed?: string;
}

export interface Question {
  readonly subject: string;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface GoCaller {
  /** What everybody told, as nats.go's own structs have it. */
  list<T>(verb: "PING" | "INFO" | "STATS", name?: string, id?: string): Promise<readonly T[]>;
  call(question: Question): Promise<GoAnswer>;
  /** At once. */
  calls(count: number, question: Question): Promise<readonly GoAnswer[]>;
}

export interface GoService {
  readonly id: string;
  readonly pid: number;
  kill(): Promise<unknown>;
  end(): Promise<unknown>;
}

/** Programs of one test; they end by what is put into `ends`. */
export class GoPrograms {
  readonly #ends: (() => unknown)[];

  constructor(ends: (() => unknown)[]) {
    this.#ends = ends;
  }

  caller(url: string): GoCaller {
    const { lines, child } = this.#start("ask", url);
    const ask = async <T>(question: object): Promise<T> => {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      const told = JSON.parse((await lines.next()).value as string) as T & { readonly failed?: string };
      if ("verb" in question && told.failed !== undefined) throw new Error(told.failed);
      return told;
    };
    return {
      list: (verb, name, id) => ask({ verb, name, id }),
      call: (question) => ask(question),
      calls: (count, question) => ask({ ...question, count }),
    };
  }

  async service(url: string, label: string): Promise<GoService> {
    const { lines, child, exit } = this.#start("serve", url, label);
    const id = (await lines.next()).value as string;
    return {
      id,
      pid: child.pid as number,
      kill: () => {
        child.kill("SIGKILL");
        return exit;
      },
      end: () => {
        child.stdin.end();
        return exit;
      },
    };
  }

  #start(...args: readonly string[]) {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const exit = once(child, "exit");
    this.#ends.push(() => {
      child.stdin.end();
      child.kill("SIGCONT");
      return exit;
    });
    return { child, exit, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
  }
}
