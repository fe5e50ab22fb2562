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

/**
 * State (field 3) and start (field 22) of /proc/PID/stat, counted behind the command's closing parenthesis: a command may have blanks and
 * parentheses of its own. Empty where there is no such process, or no /proc.
 */
export function parseStat(stat: string): { readonly state: string; readonly started: string } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", started: fields[19] ?? "" };
}

const statOf = (pid: number): ReturnType<typeof parseStat> => parseStat(read(`/proc/${pid}/stat`));
const boot = read("/proc/sys/kernel/random/boot_id");
const namespace = link("/proc/self/ns/pid");
const started = statOf(process.pid).started;

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, boot, namespace, started };
}

/**
 * `dead` only where that is certain: of this boot and this pid namespace, and there is no such process, another one with its number, or one that
 * has ended and whose parent has not asked for it yet. Everything else has its TTL.
 */
export function lifeOf(identity: ProcessIdentity): "alive" | "dead" | "unknown" {
  if (boot === "" || identity.boot !== boot) return "unknown";
  if (namespace === "" || identity.namespace !== namespace) return "unknown";
  try {
    process.kill(identity.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return "dead";
  }
  const now = statOf(identity.pid);
  if (now.started === "" || identity.started === "") return "unknown";
  return now.started === identity.started && now.state !== "Z" && now.state !== "X" ? "alive" : "dead";
}
