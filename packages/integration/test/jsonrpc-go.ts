import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const source = join(import.meta.dirname, "../go/jsonrpc");
const folder = join(import.meta.dirname, "../../../.cache/servers/jsonrpc-interop");
const program = join(folder, "jsonrpc-interop");

export const hasGo = spawnSync("go", ["version"]).status === 0;
if (!hasGo && process.env.CI === "true") throw new Error("CI needs Go for the tests beside Go programs");

export function buildGo(): void {
  mkdirSync(folder, { recursive: true });
  execFileSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
}

/** Arith of Go's, as its callers here see it. */
export interface Arith {
  multiply(numbers: { A: number; B: number }): Promise<number>;
  divide(numbers: { A: number; B: number }): Promise<{ Quo: number; Rem: number }>;
  name(): Promise<string>;
  echo(text: string): Promise<string>;
  sleep(ms: number): Promise<number>;
  nope(): Promise<void>;
}

export interface Outcome {
  readonly result?: unknown;
  readonly error?: string;
  /** The error is the server's own (rpc.ServerError), and the connection goes on. */
  readonly server?: boolean;
}

export interface GoServer {
  /** `host:port` */
  readonly at: string;
  readonly pid: number;
  kill(): Promise<unknown>;
}

/** Programs of one test; they end by what is put into `ends`. */
export class GoPrograms {
  readonly #ends: (() => unknown)[];

  constructor(ends: (() => unknown)[]) {
    this.#ends = ends;
  }

  /** One connection of Go's, that is told what to call. */
  client(...args: readonly string[]): {
    call(line: string): Promise<Outcome>;
    next(): Promise<Outcome>;
    kill(): Promise<unknown>;
  } {
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const exit = once(child, "exit");
    const next = async (): Promise<Outcome> => JSON.parse((await lines.next()).value as string) as Outcome;
    this.#ends.push(() => {
      child.stdin.end();
      return exit;
    });
    return {
      next,
      call: (line) => {
        child.stdin.write(`${line}\n`);
        return next();
      },
      kill: () => {
        child.kill("SIGKILL");
        return exit;
      },
    };
  }

  /** @param files of a certificate and its key, for TLS */
  async server(name: string, ...files: readonly string[]): Promise<GoServer> {
    const child = spawn(program, ["serve", name, ...files], { stdio: ["pipe", "pipe", "inherit"] });
    const exit = once(child, "exit");
    this.#ends.push(() => {
      child.stdin.end();
      child.kill("SIGCONT");
      return exit;
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const kill = (): Promise<unknown> => {
      child.kill("SIGKILL");
      return exit;
    };
    return { at: line.toString().trim(), kill, pid: child.pid as number };
  }

  /** What a program prints. */
  async output(...args: readonly string[]): Promise<string> {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
    const exit = once(child, "exit");
    this.#ends.push(() => exit);
    let text = "";
    for await (const chunk of child.stdout.setEncoding("utf8")) text += chunk as string;
    return text;
  }
}
