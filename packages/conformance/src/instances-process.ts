import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Instance, type Registry, silentLogger } from "@skein/core";
import { createLeaseKeeper } from "@skein/core/internal";
import { nodeRuntime as runtime } from "./node-runtime.ts";

export interface InstancesProcessOptions {
  /** Of a registry. */
  readonly url: string;
  readonly ttlMs: number;
  /** How many instances. */
  readonly count: number;
}

/** A process with instances of `user`; its program calls announceInstances(). */
export class InstancesProcess {
  readonly child: ChildProcess;
  /** With exit code and signal. */
  readonly exited: Promise<unknown[]>;
  /** Resolves once they are registered; rejects when it ends before. */
  readonly ready: Promise<void>;

  /** @param program a file in TypeScript */
  constructor(program: string, { url, ttlMs, count }: InstancesProcessOptions) {
    const args = ["--conditions=skein-source", "--import", "tsx", program, url, String(ttlMs), String(count)];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.child = child;
    this.exited = once(child, "close");
    this.ready = new Promise((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      void this.exited.then(() => reject(new Error("ended before it was ready")), reject);
    });
  }

  /** Whether it is one of its instances. */
  has(id: string): boolean {
    return id.startsWith(`${this.child.pid}-`);
  }

  /** Resolves once it is no more. Idempotent. */
  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }
}

/** The program of an InstancesProcess: registers them, prints `ready`, and takes them back on SIGTERM. */
export async function announceInstances(open: (url: string) => Registry): Promise<void> {
  const [url, ttlMs, count] = process.argv.slice(2) as [string, string, string];
  const registry = open(url);
  const keeper = createLeaseKeeper({ registry, runtime, logger: silentLogger, ttlMs: Number(ttlMs) });
  process.on("SIGTERM", () => void keeper.close().then(() => registry.close()));
  await Promise.all(Array.from({ length: Number(count) }, (_, n) => keeper.put(instance(n))));
  process.stdout.write("ready\n");
}

const instance = (n: number): Instance => ({
  service: "user",
  version: "1.0.0",
  id: `${process.pid}-${n}`,
  addresses: [{ protocol: "skein", url: `tcp://127.0.0.1:${20_000 + n}` }],
  weight: 1,
  status: "serving",
  startedAt: "2026-01-01T00:00:00.000Z",
  metadata: {},
});
