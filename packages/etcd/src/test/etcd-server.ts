import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort, ServerProcess, serverBinary } from "@skein/conformance/node";

/** Which etcd: SKEIN_TEST_ETCD=etcd-current takes the one built from its modules. */
const WHICH = process.env.SKEIN_TEST_ETCD ?? "etcd";

/** Path of etcd; see serverBinary(). */
export const etcdBinary = (): string | undefined => serverBinary(WHICH);

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
  readonly #process = new ServerProcess();

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
    const ready = healthy ? /serving (?:insecure )?client (?:requests|traffic)/ : /./;
    await this.#process.start(etcdBinary() as string, args, ready);
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
