import { execFileSync, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { silentLogger } from "@skein/core";
import { startCentre } from "@skein/registry/centre";
import { nodeRuntime } from "skein/internal";
import { freePorts } from "../ports.ts";

export const CENTRE = "--centre";

export interface RegistryServer {
  /** As given to clients. */
  readonly url: string;
  /** As asked over HTTP by the writer. */
  readonly http: string;
  stop(): Promise<void>;
}

/** A real etcd in a directory of its own. */
export async function startEtcd(): Promise<RegistryServer> {
  const script = fileURLToPath(new URL("../../../../scripts/server.mjs", import.meta.url));
  const binary = execFileSync(process.execPath, [script, "etcd", "--install"], { encoding: "utf8" }).trim();
  const directory = mkdtempSync(join(tmpdir(), "skein-bench-etcd-"));
  const [client, peer] = await freePorts(2);
  const at = `http://127.0.0.1:${client}`;
  const peers = `http://127.0.0.1:${peer}`;
  const child = spawn(
    binary,
    [
      ...["--data-dir", join(directory, "data"), "--logger", "zap"],
      ...["--listen-client-urls", at, "--advertise-client-urls", at],
      ...["--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers],
      ...["--initial-cluster", `default=${peers}`],
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  let output = "";
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output = (output + text).slice(-5000);
      if (/serving (?:insecure )?client (?:requests|traffic)/.test(output)) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`etcd ended with ${code}: ${output}`)));
  });
  return {
    url: `etcd://127.0.0.1:${client}`,
    http: at,
    async stop() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The HTTP centre in a process of its own. @param main what is started, with CENTRE */
export async function startCentreProcess(main: string): Promise<RegistryServer> {
  const directory = mkdtempSync(join(tmpdir(), "skein-bench-centre-"));
  const child = fork(main, [CENTRE, join(directory, "registry.json")]);
  const [url] = (await once(child, "message")) as [string];
  return {
    url,
    http: url,
    async stop() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export async function runCentre(dataFile: string): Promise<void> {
  const centre = await startCentre({
    runtime: nodeRuntime,
    logger: silentLogger,
    listen: "127.0.0.1:0",
    dataFile,
  });
  process.send?.(centre.url);
}
