import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Order, ServiceSettings } from "../programs/protocol.ts";

const program = join(import.meta.dirname, "../programs/service.js");

/** How a process ended. */
export interface Ended {
  /** Exit code, or the signal's name. */
  readonly code: number | string;
  /** From the signal to the end. */
  readonly ms: number;
}

export interface Told {
  readonly kind: string;
}

/** An instance of the ledger's service in a process of its own. */
export class ServiceProcess {
  readonly process: ChildProcess;
  readonly exited: Promise<number | string>;
  /** Where it is reached, as it told when it was ready. */
  addresses: readonly string[] = [];
  /** What it sent besides. */
  readonly told: Told[] = [];
  #printed = "";

  /** @param command what runs it instead of Node alone, as `ip netns exec NAME node` */
  constructor(settings: ServiceSettings, env: NodeJS.ProcessEnv, command: readonly string[] = []) {
    this.process = fork(program, {
      env: { ...process.env, ...env, FAULTS_SERVICE: JSON.stringify(settings) },
      execArgv: ["--expose-gc"],
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      ...(command.length > 0 && { execPath: command[0] as string, execArgv: command.slice(1) }),
    });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on("data", (chunk) => {
        this.#printed += chunk;
      });
    this.exited = once(this.process, "exit").then(([code, signal]) => (code ?? signal) as number | string);
    this.process.on("message", (message) => this.told.push(message as Told));
  }

  /** Resolves once it is announced. Rejects when it ends before. */
  async ready(): Promise<void> {
    const ready = (await this.next("ready")) as Told & { addresses: string[] };
    this.addresses = ready.addresses;
  }

  get pid(): number {
    return this.process.pid as number;
  }

  /** The port of its TCP address. */
  get port(): number {
    return Number(new URL(this.addresses[0] as string).port);
  }

  tell(order: Order): void {
    this.process.send(order);
  }

  /** The next message of that kind. Rejects when the process ends before. */
  next(kind: string): Promise<Told> {
    return new Promise((resolve, reject) => {
      const look = (message: unknown): void => {
        if ((message as Told).kind !== kind) return;
        this.process.off("message", look);
        resolve(message as Told);
      };
      this.process.on("message", look);
      const early = (how: unknown): void =>
        reject(new Error(`a service ended with ${how} before it said "${kind}":\n${this.#printed}`));
      this.exited.then(early, early);
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** Sends the signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Ended> {
    const from = performance.now();
    this.process.kill(signal);
    const code = await this.exited;
    return { code, ms: performance.now() - from };
  }
}
