import { type ChildProcess, spawn } from "node:child_process";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";

const START_MS = 20_000;

/** A real agent for tests: that of CONSUL_ADDR (`127.0.0.1:8500`), or one started by CONSUL_BIN and ended by close(). */
export class RealConsul {
  /** `host:port` of its HTTP API. */
  readonly address: string;
  readonly #child: ChildProcess | undefined;

  private constructor(address: string, child: ChildProcess | undefined) {
    this.address = address;
    this.#child = child;
  }

  /** Whether there is one. */
  static get given(): boolean {
    return (process.env.CONSUL_ADDR ?? process.env.CONSUL_BIN ?? "") !== "";
  }

  static async open(): Promise<RealConsul> {
    const { CONSUL_ADDR: address, CONSUL_BIN: binary = "consul" } = process.env;
    if (address) return new RealConsul(address.replace(/^https?:\/\//, ""), undefined);
    const [http, server, lan, wan] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
    const ports = [`-http-port=${http}`, `-server-port=${server}`, `-serf-lan-port=${lan}`];
    const none = ["-dns-port=-1", "-grpc-port=-1", "-grpc-tls-port=-1"];
    const bind = ["-bind=127.0.0.1", "-client=127.0.0.1", "-log-level=warn"];
    const args = ["agent", "-dev", ...bind, ...ports, `-serf-wan-port=${wan}`, ...none];
    const child = spawn(binary, args, { stdio: ["ignore", "ignore", "inherit"] });
    const consul = new RealConsul(`127.0.0.1:${http}`, child);
    await consul.#ready(child);
    return consul;
  }

  /** Until its node passes its own check: a leader, and the catalog has the node. */
  async #ready(child: ChildProcess): Promise<void> {
    for (const until = performance.now() + START_MS; performance.now() < until; ) {
      if (child.exitCode !== null) throw new Error(`consul ended with ${child.exitCode}`);
      const checks = await fetch(`http://${this.address}/v1/health/state/passing`).then(
        async (r) => (r.ok ? ((await r.json()) as unknown[]).length : 0),
        () => 0,
      );
      if (checks > 0) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`consul did not start within ${START_MS} ms`);
  }

  /** Removes from the agent all services whose names begin so. */
  async deregister(prefix: string): Promise<void> {
    const base = `http://${this.address}/v1/agent`;
    const services = (await (await fetch(`${base}/services`)).json()) as Record<string, { Service: string }>;
    for (const [id, { Service }] of Object.entries(services))
      if (Service.startsWith(prefix))
        await fetch(`${base}/service/deregister/${encodeURIComponent(id)}`, { method: "PUT" });
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
