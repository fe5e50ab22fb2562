import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { natsBinary } from "../../nats/src/test/nats-server.ts";
import {
  type Backend,
  CentreProcess,
  consulBackend,
  etcdBackend,
  mdnsBackend,
  natsBackend,
} from "./backends.ts";

const main = join(import.meta.dirname, "../../../examples/shop/src/main.ts");

async function shop({ url, listen }: Backend): Promise<{ readonly code: number; readonly lines: string[] }> {
  return await new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--conditions=skein-source", "--import", "tsx", main], {
      env: {
        ...process.env,
        SKEIN_REGISTRY: url,
        ...(listen === undefined
          ? { SKEIN_LISTEN: "tcp://127.0.0.1:0", SKEIN_ADVERTISE: "127.0.0.1" }
          : { SKEIN_LISTEN: listen }),
        NO_COLOR: "1",
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.on("data", (chunk) => {
      printed += chunk;
    });
    child.once("error", reject);
    child.once("exit", (code) => resolve({ code: code ?? -1, lines: printed.trim().split("\n") }));
  });
}

const backends: [string, boolean, () => Promise<Backend>][] = [
  ["etcd", etcdBinary() !== undefined, () => etcdBackend()],
  ["a fake Consul agent", true, consulBackend],
  ["a registry centre", true, () => CentreProcess.start()],
  ["mDNS", true, mdnsBackend],
  ["NATS alone", natsBinary() !== undefined, natsBackend],
];

describe("the shop, by one variable: killed in mid-call and rolled, no call fails", () => {
  for (const [name, there, start] of backends)
    test.skipIf(!there)(
      `over ${name}`,
      async () => {
        await using backend = await start();
        const { code, lines } = await shop(backend);
        console.log(`over ${name}: ${lines.at(-1)}`);
        expect(lines.at(-1)).toMatch(/^calls: \d{3,} ok, 0 failed$/);
        expect(lines.at(-2)).toMatch(/5 of them in mid-call; one instance rolled with SIGTERM, exit code 0$/);
        expect(code).toBe(0);
      },
      120_000,
    );
});
