import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Which etcd: SKEIN_TEST_ETCD=etcd-current takes the one built from its modules. */
const WHICH = process.env.SKEIN_TEST_ETCD ?? "etcd";
let found: string | undefined;

/** Path of etcd; undefined where there is none and none can be installed (in CI that is an error). */
export function etcdBinary(): string | undefined {
  const script = join(import.meta.dirname, "../../../../scripts/server.mjs");
  try {
    found ??= execFileSync(process.execPath, [script, WHICH, "--install"], { encoding: "utf8" }).trim();
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

export interface Member {
  readonly name: string;
  readonly client: number;
  readonly peer: number;
}

/** A real etcd, with a directory of its own. */
export class EtcdServer {
  readonly directory: string;
  readonly member: Member;
  readonly #cluster: readonly Member[];
  readonly #flags: readonly string[];
  readonly #scheme: string;
  #child: ChildProcess | undefined;
  output = "";

  private constructor(member: Member, cluster: readonly Member[], flags: readonly string[], scheme: string) {
    this.member = member;
    this.#cluster = cluster;
    this.#flags = flags;
    this.#scheme = scheme;
    this.directory = mkdtempSync(join(tmpdir(), "skein-etcd-test-"));
  }

  static async create(flags: readonly string[] = [], scheme = "http"): Promise<EtcdServer> {
    const member = { name: "a", client: await freePort(), peer: await freePort() };
    return new EtcdServer(member, [member], flags, scheme);
  }

  /** Members of one cluster, not started. */
  static async cluster(size: number): Promise<readonly EtcdServer[]> {
    const members: Member[] = [];
    for (let n = 0; n < size; n++)
      members.push({ name: `m${n}`, client: await freePort(), peer: await freePort() });
    return members.map((member) => new EtcdServer(member, members, [], "http"));
  }

  get address(): string {
    return `127.0.0.1:${this.member.client}`;
  }
  get url(): string {
    return `etcd://${this.address}`;
  }
  get pid(): number {
    return this.#child?.pid as number;
  }

  /** Resolves once it answers; where `healthy` is false, once it runs. */
  async start(healthy = true): Promise<void> {
    const { name, client, peer } = this.member;
    const at = `${this.#scheme}://127.0.0.1:${client}`;
    const peers = `http://127.0.0.1:${peer}`;
    mkdirSync(this.directory, { recursive: true });
    const args = [
      ...["--name", name, "--data-dir", join(this.directory, "data")],
      ...["--listen-client-urls", at, "--advertise-client-urls", at],
      ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
      ...["--initial-cluster", this.#cluster.map((m) => `${m.name}=http://127.0.0.1:${m.peer}`).join(",")],
      ...["--heartbeat-interval", "100", "--election-timeout", "1000", "--logger", "zap"],
      ...this.#flags,
    ];
    const child = spawn(etcdBinary() as string, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.output = "";
    const ready = new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        this.output += chunk.toString();
        if (!healthy || /serving (?:insecure )?client (?:requests|traffic)/.test(this.output)) resolve();
      };
      child.stderr?.on("data", read);
      child.stdout?.on("data", read);
      child.once("exit", (code) => reject(new Error(`etcd ended with ${code}: ${this.output.slice(-2000)}`)));
    });
    await ready;
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

  /** Killed, its data gone. */
  async wipe(): Promise<void> {
    await this.kill();
    rmSync(join(this.directory, "data"), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    this.resume();
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
