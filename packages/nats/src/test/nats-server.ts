import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

let found: string | undefined;

/** Path of nats-server; undefined where there is none and none can be installed (in CI that is an error). */
export function natsBinary(): string | undefined {
  const script = join(import.meta.dirname, "../../../../scripts/server.mjs");
  try {
    found ??= execFileSync(process.execPath, [script, "nats", "--install"], { encoding: "utf8" }).trim();
  } catch (error) {
    if (process.env.CI === "true") throw error;
  }
  return found;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}

/** A real nats-server. */
export class NatsServer {
  readonly port: number;
  readonly directory: string;
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;
  output = "";

  private constructor(port: number, flags: readonly string[], config: string) {
    this.port = port;
    this.directory = mkdtempSync(join(tmpdir(), "skein-nats-test-"));
    const file = join(this.directory, "nats.conf");
    writeFileSync(file, config);
    this.#flags = ["-c", file, ...flags];
  }

  static async start(flags: readonly string[] = [], config = ""): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), flags, config);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Resolves once it takes connections. */
  async start(): Promise<void> {
    const args = ["-a", "127.0.0.1", "-p", String(this.port), ...this.#flags];
    const child = spawn(natsBinary() as string, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    this.output = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (chunk: Buffer) => {
        this.output += chunk.toString();
        if (this.output.includes("Server is ready")) resolve();
      });
      child.once("exit", (code) => reject(new Error(`nats-server ended with ${code}: ${this.output}`)));
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  stop(): void {
    this.#child?.kill("SIGSTOP");
  }
  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async close(): Promise<void> {
    this.resume();
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
