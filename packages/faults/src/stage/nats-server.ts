import { type ChildProcess, type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { promisify } from "node:util";
import { freePort } from "./free-port.ts";
import { sleep } from "./measure.ts";
import type { Stage } from "./stage.ts";

const finder = join(import.meta.dirname, "../../../../scripts/server.mjs");
const LOOK_MS = 20;
const SHOWN = 1000;

/** A client of the server, as the server lists it. */
export interface NatsConnz {
  readonly cid: number;
  readonly name?: string;
  readonly subscriptions_list?: readonly string[];
}

let binary: Promise<string> | undefined;

function findNats(): Promise<string> {
  binary ??= promisify(execFile)(process.execPath, [finder, "nats", "--install"]).then((found) =>
    found.stdout.trim(),
  );
  return binary;
}

/** Undefined: there is a nats-server. Else why not. */
export async function noNats(): Promise<string | undefined> {
  try {
    await findNats();
    return undefined;
  } catch {
    return "there is no nats-server, and none can be installed";
  }
}

/** Becomes the server once it is told to. */
const ON_DEMAND = 'read -r _ && exec "$0" "$@"';

/** A nats-server in a process of its own, at the same ports after each start. It ends with the stage. */
export class NatsServerProcess {
  readonly port: number;
  readonly #monitor: number;
  readonly #file: string;
  readonly #config: string;
  #process: ChildProcess | undefined;
  /** For its second start: to fork a process that holds many calls makes it stand still, and that is when calls are measured. */
  #spare: ChildProcessByStdio<Writable, null, Readable> | undefined;
  #output = "";

  private constructor(stage: Stage, port: number, monitor: number, config: string) {
    this.port = port;
    this.#monitor = monitor;
    this.#file = join(stage.directory, `nats-${port}.conf`);
    this.#config = config;
  }

  /** @param config more lines of its configuration */
  static async start(stage: Stage, config = ""): Promise<NatsServerProcess> {
    const server = new NatsServerProcess(stage, await freePort(), await freePort(), config);
    stage.atEnd(() => server.#end());
    await server.start();
    server.#spare = await server.#launch();
    return server;
  }

  /** For SKEIN_REGISTRY and SKEIN_NATS. */
  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  /** Resolves once its port is open. */
  async start(): Promise<void> {
    const child = this.#spare ?? (await this.#launch());
    this.#spare = undefined;
    this.#process = child;
    this.#output = "";
    child.stdin.end("\n");
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", (chunk) => {
        this.#output += chunk;
        if (this.#output.includes("Server is ready")) resolve();
      });
      child.once("exit", (how) =>
        reject(new Error(`nats-server ended with ${how}:\n${this.#output.slice(-SHOWN)}`)),
      );
    });
  }

  async #launch(): Promise<ChildProcessByStdio<Writable, null, Readable>> {
    const listen = `listen: "127.0.0.1:${this.port}"\nhttp: "127.0.0.1:${this.#monitor}"\n`;
    writeFileSync(this.#file, listen + this.#config);
    const server = [await findNats(), "-c", this.#file];
    return spawn("sh", ["-c", ON_DEMAND, ...server], { stdio: ["pipe", "ignore", "pipe"] });
  }

  async #end(): Promise<void> {
    await Promise.all([this.kill(), killed(this.#spare)]);
  }

  /** With SIGKILL. Idempotent. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    await killed(child);
  }

  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#process?.kill(signal);
  }

  /** How often it said so in its log since its start. */
  said(text: string): number {
    return this.#output.split(text).length - 1;
  }

  /** Its clients, with what they have subscribed to. */
  async clients(): Promise<readonly NatsConnz[]> {
    const { connections } = await this.#ask<{ connections: readonly NatsConnz[] }>("connz?subs=1&limit=4096");
    return connections;
  }

  #ask<T>(path: string): Promise<T> {
    return new Promise((resolve, reject) => {
      // A connection of its own: nothing stays open.
      const request = get(
        { host: "127.0.0.1", port: this.#monitor, path: `/${path}`, agent: false },
        (response) => {
          let text = "";
          response.on("data", (chunk) => {
            text += chunk;
          });
          response.on("end", () => resolve(JSON.parse(text) as T));
        },
      );
      request.on("error", reject);
    });
  }

  /** How many clients it has `mostMs` from now; 0 as soon as it has none. */
  async left(mostMs: number): Promise<number> {
    for (const until = performance.now() + mostMs; ; await sleep(LOOK_MS)) {
      const { length } = await this.clients();
      if (length === 0 || performance.now() > until) return length;
    }
  }
}

async function killed(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** What the clients of these servers have subscribed to. */
export async function subjectsAt(servers: readonly NatsServerProcess[]): Promise<readonly string[]> {
  const clients = await Promise.all(servers.map((server) => server.clients()));
  return clients.flat().flatMap((client) => client.subscriptions_list ?? []);
}

/** How long it takes until all of these are subscribed to at one of the servers, ms; `mostMs` when they are not by then. */
export async function subscribedAt(
  servers: readonly NatsServerProcess[],
  subjects: readonly string[],
  mostMs: number,
): Promise<number> {
  const from = performance.now();
  for (;;) {
    const there = new Set(await subjectsAt(servers));
    const ms = performance.now() - from;
    if (subjects.every((subject) => there.has(subject)) || ms > mostMs) return Math.min(ms, mostMs);
    await sleep(LOOK_MS);
  }
}
