import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, ServerProcess, serverBinary } from "@skein/conformance/node";

/** Path of nats-server; see serverBinary(). */
export const natsBinary = (): string | undefined => serverBinary("nats");

/** A real nats-server. */
export class NatsServer {
  readonly port: number;
  readonly directory: string;
  readonly #flags: readonly string[];
  readonly #process = new ServerProcess();

  private constructor(port: number, flags: readonly string[], config: string) {
    this.port = port;
    this.directory = mkdtempSync(join(tmpdir(), "skein-nats-test-"));
    const file = join(this.directory, "nats.conf");
    writeFileSync(file, config);
    // For JetStream, where the flags or the configuration turn it on.
    this.#flags = ["-c", file, "-sd", this.#store, ...flags];
  }

  static async start(flags: readonly string[] = [], config = ""): Promise<NatsServer> {
    const server = new NatsServer(await freePort(), flags, config);
    await server.start();
    return server;
  }

  /** With JetStream. */
  static startJetStream(config = ""): Promise<NatsServer> {
    return NatsServer.start(["-js"], config);
  }

  get #store(): string {
    return join(this.directory, "store");
  }
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }
  get output(): string {
    return this.#process.output;
  }

  /** Resolves once it takes connections. */
  start(): Promise<void> {
    const args = ["-a", "127.0.0.1", "-p", String(this.port), ...this.#flags];
    return this.#process.start(natsBinary() as string, args, /Server is ready/);
  }

  /** Of a server that was killed: what JetStream stored is gone. */
  wipe(): void {
    rmSync(this.#store, { recursive: true, force: true });
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }
  stop(): void {
    this.#process.stop();
  }
  resume(): void {
    this.#process.resume();
  }

  async close(): Promise<void> {
    this.resume();
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
