import { readdirSync, readlinkSync } from "node:fs";
import { sleep } from "./measure.ts";

/** What keeps a process running, by kind: timers, sockets, children; and its open sockets and pipes, where the system tells. */
export type Running = ReadonlyMap<string, number>;

const FILES = "/proc/self/fd";
const TURN_MS = 20;

/** Of now. */
export function running(): Running {
  // Made when they are first asked for, and they stay.
  void [process.stdout, process.stderr];
  const kinds = new Map<string, number>();
  for (const kind of [...process.getActiveResourcesInfo(), ...openFiles()])
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return kinds;
}

/** Handles that Node has lost hold of keep nothing running, but make it spin when it ends: their files stay open. */
function openFiles(): readonly string[] {
  if (process.platform !== "linux") return [];
  return readdirSync(FILES).flatMap((file) => {
    try {
      return readlinkSync(`${FILES}/${file}`).startsWith("socket:") ? ["open socket"] : [];
    } catch {
      // The one this directory was read by.
      return [];
    }
  });
}

/**
 * What runs that did not run `before`, as `3 Timeout`; nothing, as soon as that is so. What has been ended takes a moment to be gone.
 * @param mostMs how long it may take
 */
export async function leftovers(before: Running, mostMs: number): Promise<readonly string[]> {
  const until = performance.now() + mostMs;
  for (;;) {
    const left = [...running()].flatMap(([kind, count]) => {
      const more = count - (before.get(kind) ?? 0);
      return more > 0 ? [`${more} ${kind}`] : [];
    });
    if (left.length === 0 || performance.now() > until) return left;
    await sleep(TURN_MS);
  }
}
