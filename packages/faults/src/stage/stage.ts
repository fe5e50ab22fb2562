import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { type Client, type ClientOptions, createClient } from "skein";
import type { Execution } from "../ledger/records.ts";
import type { ServiceSettings } from "../programs/protocol.ts";
import { ServiceProcess } from "./service-process.ts";
import { type Span, starvation } from "./starved.ts";
import { Witnesses } from "./witnesses.ts";

const INTERRUPTS = ["SIGINT", "SIGTERM"] as const;

export interface StartOptions extends Partial<Omit<ServiceSettings, "ledger">> {
  readonly env?: NodeJS.ProcessEnv;
  /** What runs it instead of Node alone. */
  readonly command?: readonly string[];
}

/** A scenario's own registry, ledgers, processes and clients; nothing of it outlives the scenario, or this process when that is told to end. */
export class Stage implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "skein-faults-"));
  readonly #closing: (() => Promise<unknown>)[] = [];
  /** Of this process and the servers. */
  readonly #meters = [starvation(process.pid)];
  #ledgers = 0;
  #ended = false;
  /** For SKEIN_REGISTRY. */
  registry = `local:${join(this.directory, "registry")}`;

  readonly #witnesses: Witnesses;

  private constructor(witnesses: Witnesses) {
    this.#witnesses = witnesses;
    this.atEnd(() => witnesses.end());
    for (const signal of INTERRUPTS) process.once(signal, this.#interrupted);
  }

  static async open(): Promise<Stage> {
    return new Stage(await Witnesses.start());
  }

  /** Starts an instance of service `ledger`, or of another name. */
  async start(options: StartOptions = {}): Promise<ServiceProcess> {
    const { env, command, name = "ledger", ...settings } = options;
    const started = new ServiceProcess(
      { ...settings, name, ledger: join(this.directory, `ledger-${++this.#ledgers}`) },
      { SKEIN_REGISTRY: this.registry, SKEIN_LISTEN: "tcp://127.0.0.1:0", ...env },
      command,
    );
    this.atEnd(() => started.end("SIGKILL"));
    this.#meters.push(starvation(started.pid));
    await started.ready();
    return started;
  }

  startMany(count: number, options: StartOptions = {}): Promise<ServiceProcess[]> {
    return Promise.all(Array.from({ length: count }, () => this.start(options)));
  }

  client(options: ClientOptions = {}): Client {
    const client = createClient({ registry: this.registry, log: "silent", ...options });
    this.atEnd(() => client.close());
    return client;
  }

  /** How large a part of the time the one that fared worst of the processes that live wanted a processor and had none, in a hundred. */
  starved(): number {
    const shares = this.#meters.map((share) => share()).filter((share) => !Number.isNaN(share));
    return shares.length === 0 ? Number.NaN : Math.max(...shares);
  }

  /** When a processor of this machine did not run although somebody was to run on it, one span after the other. */
  stoodStill(): readonly Span[] {
    return this.#witnesses.spans();
  }

  /** Over and over, while the scenario is played. */
  every(ms: number, act: () => void): void {
    const timer = setInterval(act, ms);
    this.atEnd(async () => clearInterval(timer));
  }

  /** Done when the scenario has ended, however it has, the last first. */
  atEnd(close: () => Promise<unknown>): void {
    if (this.#ended) void close();
    else this.#closing.unshift(close);
  }

  /** What all instances wrote down so far. */
  executions(): Execution[] {
    return readdirSync(this.directory)
      .filter((file) => file.startsWith("ledger-"))
      .flatMap((file) => readFileSync(join(this.directory, file), "utf8").split("\n"))
      .filter((line) => line !== "")
      .map((line) => {
        const [call, by, method, at, timeLeft] = line.split(" ") as [string, string, string, string, string];
        return { call, by, method, at: Number(at), timeLeftMs: Number(timeLeft) };
      });
  }

  readonly #interrupted = (signal: NodeJS.Signals): void => {
    const leave = (): never => process.exit(128 + constants.signals[signal]);
    this[Symbol.asyncDispose]().then(leave, leave);
  };

  async [Symbol.asyncDispose](): Promise<void> {
    for (const signal of INTERRUPTS) process.off(signal, this.#interrupted);
    this.#ended = true;
    const failed: unknown[] = [];
    for (const close of this.#closing) await close().catch((error) => failed.push(error));
    rmSync(this.directory, { recursive: true, force: true });
    if (failed.length > 0) throw new AggregateError(failed, `the scenario did not end: ${failed.join("; ")}`);
  }
}
