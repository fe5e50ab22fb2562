import { readFileSync, readlinkSync } from "node:fs";

/** Which process wrote a record: enough to tell it from another one that got its number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Of this boot of the machine; "" where it cannot be told. */
  readonly boot: string;
  /** Pid namespace: the same number means another process in another container. "" where it cannot be told. */
  readonly namespace: string;
  /** Clock ticks from boot to the process's start; "" where it cannot be told. */
  readonly started: string;
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}

function link(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}

/** Field 22 of /proc/PID/stat, counted behind the command's closing parenthesis. */
function startOf(pid: number): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

const boot = read("/proc/sys/kernel/random/boot_id");
const namespace = link("/proc/self/ns/pid");

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, boot, namespace, started: startOf(process.pid) };
}

/** `dead` only where that is certain: same boot and pid namespace, and no such process, or another one with its number. An earlier boot is dead as well. */
export function lifeOf(identity: ProcessIdentity): "alive" | "dead" | "unknown" {
  if (boot === "" || identity.boot === "") return "unknown";
  if (identity.boot !== boot) return "dead";
  if (namespace === "" || identity.namespace !== namespace) return "unknown";
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "dead";
  }
  return identity.started === "" || startOf(identity.pid) === identity.started ? "alive" : "dead";
}
