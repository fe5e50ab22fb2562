import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Stage } from "./stage.ts";

const run = promisify(execFile);
const finder = join(import.meta.dirname, "../../../../scripts/server.mjs");
const TABLE = "inet skein_cut";

/** A network of its own, behind a router that can lose packets: `here — router — there`. */
export interface Namespaces {
  /** What runs a program there: before its command. */
  readonly command: readonly string[];
  /** The address there. */
  readonly address: string;
  /** The router loses what goes to and comes from that port, and tells nobody. */
  cut(port: number): Promise<void>;
  heal(): Promise<void>;
}

/** Undefined: namespaces and packet filters can be made here. Else why not. */
export async function noNamespaces(): Promise<string | undefined> {
  if (process.platform !== "linux") return "network namespaces are of Linux";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const name = `skf${process.pid}t`;
  try {
    await run("ip", ["netns", "add", name]);
    const nft = await findNft();
    await run("ip", ["netns", "exec", name, nft, "add", "table", TABLE]);
    return undefined;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return (stderr || message).trim().split("\n").at(-1) ?? message;
  } finally {
    await run("ip", ["netns", "del", name]).catch(() => {});
  }
}

async function findNft(): Promise<string> {
  const { stdout } = await run(process.execPath, [finder, "nft", "--install"]);
  return stdout.trim();
}

/** Named after this process, and gone with the stage. */
export async function namespaces(stage: Stage): Promise<Namespaces> {
  const { pid } = process;
  const nft = await findNft();
  const ip = async (...args: string[]): Promise<void> => void (await run("ip", args));
  const [router, there] = [`skf${pid}r`, `skf${pid}s`];
  // In the root namespace: the process's own addresses, so that two benches can run.
  const net = `10.${200 + (pid % 50)}.${Math.floor(pid / 50) % 256}`;
  const [near, nearRouter, farRouter, far] = [`${net}.1`, `${net}.2`, `${net}.5`, `${net}.6`];
  const link = (n: number): string => `skf${pid}v${n}`;
  stage.atEnd(async () => {
    await ip("link", "del", link(0)).catch(() => {});
    for (const name of [router, there]) await ip("netns", "del", name).catch(() => {});
  });
  for (const name of [router, there]) await ip("netns", "add", name);
  await ip("link", "add", link(0), "type", "veth", "peer", "name", link(1), "netns", router);
  await ip("-n", router, "link", "add", link(2), "type", "veth", "peer", "name", link(3), "netns", there);
  const up = async (at: string[], device: string, address: string): Promise<void> => {
    await ip(...at, "addr", "add", `${address}/30`, "dev", device);
    await ip(...at, "link", "set", device, "up");
  };
  await up([], link(0), near);
  await up(["-n", router], link(1), nearRouter);
  await up(["-n", router], link(2), farRouter);
  await up(["-n", there], link(3), far);
  await ip("-n", there, "link", "set", "lo", "up");
  await ip("-n", there, "route", "add", "default", "via", farRouter);
  await ip("route", "add", `${net}.4/30`, "via", nearRouter);
  await ip("netns", "exec", router, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
  const filter = async (...commands: string[]): Promise<void> => {
    for (const command of commands) await run("ip", ["netns", "exec", router, nft, command]);
  };
  return {
    command: ["ip", "netns", "exec", there, process.execPath],
    address: far,
    cut: (port) =>
      filter(
        `add table ${TABLE}`,
        `add chain ${TABLE} way { type filter hook forward priority 0; }`,
        `add rule ${TABLE} way tcp dport ${port} drop`,
        `add rule ${TABLE} way tcp sport ${port} drop`,
      ),
    heal: () => filter(`delete table ${TABLE}`),
  };
}
