import { spawn } from "node:child_process";
import { join } from "node:path";
import { silentLogger } from "@skein/core";
import { Rpc, Service, serve } from "skein";
import { describe, expect, test } from "vitest";
import { etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { type Backend, CentreProcess, consulBackend, etcdBackend, mdnsBackend } from "./backends.ts";

@Service("echo", { version: "1.0.0" })
class EchoService {
  @Rpc({ idempotent: true }) async say(text: string): Promise<string> {
    return text;
  }
}

const cli = join(import.meta.dirname, "../../cli/src/main.ts");

/** The command as people type it, until it ends or has printed `enough`. */
async function skein(
  args: readonly string[],
  enough?: string,
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, ["--conditions=skein-source", "--import", "tsx", cli, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NO_COLOR: "1" },
  });
  const printed = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].on("data", (chunk) => {
      printed[stream] += chunk;
      if (enough !== undefined && printed.stdout.includes(enough)) child.kill("SIGINT");
    });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...printed };
}

const backends: [string, boolean, () => Promise<Backend>][] = [
  ["etcd", etcdBinary() !== undefined, () => etcdBackend()],
  ["a fake Consul agent", true, consulBackend],
  ["a registry centre", true, () => CentreProcess.start()],
  ["mDNS", true, mdnsBackend],
];

describe("skein list, describe, call and watch by --registry URL", () => {
  for (const [name, there, start] of backends)
    test.skipIf(!there)(
      `over ${name}`,
      async () => {
        await using backend = await start();
        await using _app = await serve(new EchoService(), {
          registry: backend.url,
          listen: "tcp://127.0.0.1:0",
          advertise: "127.0.0.1",
          signals: false,
          log: silentLogger,
        });
        const registry = ["--registry", backend.url];
        const list = await skein(["list", ...registry]);
        expect(list).toMatchObject({ code: 0, stderr: "" });
        expect(list.stdout).toMatch(/^echo +1\.0\.0 +1$/m);
        const described = await skein(["describe", "echo", ...registry]);
        expect(described.stdout).toMatch(/^say +unary +yes/m);
        expect(described.stdout).toMatch(/^registration held since /m);
        expect(await skein(["call", "echo", "say", '"hello"', ...registry])).toMatchObject({
          code: 0,
          stdout: '"hello"\n',
        });
        const watched = await skein(["watch", "echo", ...registry], "echo");
        expect(watched.stdout).toContain("echo");
      },
      60_000,
    );

  test("a password in the URL is not printed, whatever goes wrong", async () => {
    for (const url of [
      "etcd://root:hunter2@127.0.0.1:1",
      "consul://hunter2@127.0.0.1:1",
      "http://hunter2@127.0.0.1:1",
    ]) {
      const { code, stdout, stderr } = await skein(["list", "--registry", url]);
      expect(code, stderr).toBe(1);
      expect(stdout + stderr).not.toContain("hunter2");
      expect(stderr).toContain("127.0.0.1:1");
    }
  }, 60_000);
});
