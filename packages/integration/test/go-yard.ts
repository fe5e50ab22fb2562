import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const hasGo = spawnSync("go", ["version"]).status === 0;
if (!hasGo && process.env.CI === "true") throw new Error("CI needs Go for the tests beside Go programs");

const source = join(import.meta.dirname, "../go/grpc");
const folder = join(import.meta.dirname, "../../../.cache/servers/grpc-interop");
const program = join(folder, "grpc-interop");
const SERVICE = "acme.yard.v1.YardService";
export const yardProto = { service: "yard", file: join(source, "yard.proto") };

export function buildYard(): void {
  mkdirSync(folder, { recursive: true });
  execFileSync("go", ["build", "-o", program, "."], { cwd: source, stdio: "inherit" });
}

/** Of yard.proto, as its callers here see it. */
export interface Yard {
  whoAreYou(): Promise<{ text: string }>;
  wait(span: { ms: number }): Promise<{ text: string }>;
  hold(span: { ms: number }): Promise<{ text: string }>;
  about(): Promise<{ tenant: string; token: string; trace: Buffer; leftMs: number }>;
  tallied(): Promise<{ running: number; cancelled: number }>;
  fail(how: { text: string }): Promise<void>;
  long(number: { n: number }): Promise<{ text: string }>;
  count(to: { n: number }): AsyncIterable<{ n: string }>;
  sum(numbers: AsyncIterable<{ n: number }> | Iterable<{ n: number }>): Promise<{ n: string }>;
  echo(numbers: AsyncIterable<{ n: number }> | Iterable<{ n: number }>): AsyncIterable<{ n: string }>;
}

/** A grpc-go server, as a process. */
export class YardServer {
  readonly at: string;
  readonly #child: ChildProcess;
  readonly #exit: Promise<unknown>;
  readonly #lines: AsyncIterator<string>;

  private constructor(at: string, child: ChildProcess, exit: Promise<unknown>, lines: AsyncIterator<string>) {
    this.at = at;
    this.#child = child;
    this.#exit = exit;
    this.#lines = lines;
  }

  /** @param streams that it takes on one connection */
  static async start(name: string, address = "127.0.0.1:0", streams = 1000): Promise<YardServer> {
    const args = ["serve", source, "yard.proto", SERVICE, name, address, String(streams)];
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const exit = once(child, "exit");
    const { value } = await lines.next();
    return new YardServer(value as string, child, exit, lines);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Sends GOAWAY, ends when its calls have. */
  async drain(): Promise<void> {
    this.#child.stdin?.write("drain\n");
    await this.#lines.next();
    await this.end();
  }

  kill(): Promise<unknown> {
    this.#child.kill("SIGKILL");
    return this.#exit;
  }

  async end(): Promise<void> {
    this.#child.kill("SIGCONT");
    this.#child.stdin?.end();
    await this.#exit;
  }
}
