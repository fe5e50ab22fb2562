import { type CallContext, type Registry, Rpc, Service, silentLogger } from "@skein/core";
import { createMemoryRegistry } from "@skein/registry";
import { afterEach, beforeEach, expect } from "vitest";
import type { App } from "../app-contract.ts";
import { type ClientOptions, createClient } from "../client.ts";
import { nodeRuntime } from "../node-runtime.ts";
import { serve } from "../serve.ts";
import type { ServeOptions } from "../serve-options.ts";
import { collectLogs } from "./collect-logs.ts";

@Service("user", { version: "1.2.0" })
export class UserService {
  readonly events: string[] = [];
  constructor(readonly name = "user") {}
  onStart(): void {
    this.events.push(`${this.name} starts`);
  }
  onStop(): void {
    this.events.push(`${this.name} stops`);
  }
  @Rpc({ idempotent: true }) async greet(name: string): Promise<string> {
    return `Hello, ${name}`;
  }
  @Rpc() async slow(ms: number): Promise<string> {
    this.events.push("slow begins");
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.events.push("slow ends");
    return "done";
  }
  @Rpc() async budget(_: undefined, ctx: CallContext): Promise<{ left: number; trace: string | undefined }> {
    return { left: ctx.timeLeftMs, trace: ctx.traceparent };
  }
}

@Service("order", { version: "0.1.0" })
export class OrderService {
  @Rpc() async total(): Promise<number> {
    return 7;
  }
}

/** A registry, a log and the apps of one test; afterwards nothing of them is left, which is checked. */
export function useBench() {
  const bench = {
    registry: undefined as unknown as Registry,
    logs: collectLogs(),
    apps: [] as App[],
    async start(targets: object[], options: ServeOptions = {}): Promise<App> {
      const { registry, logs } = bench;
      const app = await serve(...targets, { registry, log: logs.logger, ...options });
      bench.apps.push(app);
      return app;
    },
    client: (options: ClientOptions = {}) =>
      createClient({ registry: bench.registry, log: silentLogger, ...options }),
  };
  beforeEach(() => {
    bench.registry = createMemoryRegistry({ runtime: nodeRuntime });
    bench.logs = collectLogs();
  });
  afterEach(async () => {
    await Promise.all(bench.apps.splice(0).map((app) => app.close()));
    expect(process.listenerCount("SIGTERM")).toBe(0);
    expect(process.listenerCount("SIGINT")).toBe(0);
    expect((await bench.registry.list()).length).toBe(0);
    await bench.registry.close();
  });
  return bench;
}

/** What the service's own port answers to whoever asks whether it is ready. */
export async function fetchReady(app: App): Promise<[number, unknown]> {
  const response = await fetch(`${app.address.replace("tcp:", "http:")}/health/ready`);
  return [response.status, await response.json()];
}
