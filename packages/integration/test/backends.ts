import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@skein/conformance/node";
import { FakeConsul } from "../../consul/src/test/fake-consul.ts";
import { EtcdServer } from "../../etcd/src/test/etcd-server.ts";
import { NatsServer } from "../../nats/src/test/nats-server.ts";

/** A registry's server, started for a test. */
export interface Backend extends AsyncDisposable {
  /** For SKEIN_REGISTRY. */
  readonly url: string;
  /** For SKEIN_LISTEN. @default a port of loopback */
  readonly listen?: string;
}

export async function etcdBackend(query = ""): Promise<Backend> {
  const server = await EtcdServer.create();
  await server.start();
  return { url: `${server.url}/${query}`, [Symbol.asyncDispose]: () => server.close() };
}

/** The fake of a Consul agent. */
export async function consulBackend(): Promise<Backend & { readonly fake: FakeConsul }> {
  const fake = await new FakeConsul().start();
  return { fake, url: `consul://${fake.address}`, [Symbol.asyncDispose]: () => fake.close() };
}

/** NATS and nothing else: instances have no ports. */
export async function natsBackend(): Promise<Backend> {
  const server = await NatsServer.start();
  return { url: server.url, listen: "nats://", [Symbol.asyncDispose]: () => server.close() };
}

/** On loopback, at a port that nobody else uses. */
export async function mdnsBackend(): Promise<Backend> {
  return {
    url: `mdns://?interface=127.0.0.1&port=${await freePort()}`,
    [Symbol.asyncDispose]: async () => {},
  };
}

const cli = join(import.meta.dirname, "../../cli/src/main.ts");

/** `skein registry` as a process of its own. */
export class CentreProcess implements Backend {
  readonly #port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), "skein-centre-test-"));
  #child: ChildProcess | undefined;

  private constructor(port: number) {
    this.#port = port;
  }

  static async start(): Promise<CentreProcess> {
    const centre = new CentreProcess(await freePort());
    await centre.start();
    return centre;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** @param data false: it forgets all when it ends */
  async start(data = true): Promise<void> {
    const file = data ? ["--data", join(this.#directory, "state.json")] : [];
    const args = ["registry", "--listen", `127.0.0.1:${this.#port}`, ...file];
    const child = spawn(process.execPath, ["--conditions=skein-source", "--import", "tsx", cli, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    await once(child.stdout as NodeJS.ReadableStream, "data");
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.kill(signal);
    await once(child, "exit");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.#directory, { recursive: true });
  }
}
