import type { Instance, Snapshot } from "skein";
import type { Session } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { addressOf, diffInstances, INSTANCE_STYLE, type InstanceEvent, staleReason } from "../instances.ts";
import { toJson } from "../json.ts";
import { printable } from "../text.ts";

/** Registries tell of a service's instances, not of new services: those are asked for this often, in ms. */
const LIST_INTERVAL_MS = 1000;

/** A line for each instance that comes, changes or goes, until Ctrl-C. Those that are there come first. */
export async function watch(session: Session, service: string | undefined): Promise<ExitCode> {
  const { io, backplane, json, paint } = session;
  if (!json) {
    const what = service === undefined ? "" : `, service ${service}`;
    await io.stdout.write(
      `${paint("dim", printable(`registry ${backplane.registry.name}${what}; Ctrl-C ends`))}\n`,
    );
  }
  await (service === undefined ? watchAll(session) : watchService(session, service, io.interrupted));
  return EXIT.interrupted;
}

/** Starts a watch for each service as it appears; the first that fails ends all. */
async function watchAll(session: Session): Promise<void> {
  const { io, backplane } = session;
  const ended = new AbortController();
  const end = (): void => ended.abort();
  io.interrupted.addEventListener("abort", end, { once: true });
  const watches = new Map<string, Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown): void => {
    failure ??= { error };
    ended.abort();
  };
  const look = async (): Promise<void> => {
    for (const { name } of await backplane.registry.list())
      if (!watches.has(name)) watches.set(name, watchService(session, name, ended.signal).catch(fail));
  };
  try {
    await look();
    await repeatUntil(session, ended.signal, look, (error) => warn(session, error));
  } finally {
    ended.abort();
    io.interrupted.removeEventListener("abort", end);
    await Promise.all(watches.values());
  }
  if (failure !== undefined) throw failure.error;
}

/** Calls `task` each second, not before the last one ended, until the signal aborts. */
async function repeatUntil(
  { io }: Session,
  signal: AbortSignal,
  task: () => Promise<void>,
  onError: (error: unknown) => Promise<void>,
): Promise<void> {
  if (signal.aborted) return;
  let running: Promise<void> = Promise.resolve();
  let busy = false;
  const stop = io.clock.every(LIST_INTERVAL_MS, () => {
    if (busy) return;
    busy = true;
    running = task()
      .catch(onError)
      .finally(() => {
        busy = false;
      });
  });
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  stop();
  await running;
}

async function watchService(session: Session, service: string, signal: AbortSignal): Promise<void> {
  let known: readonly Instance[] = [];
  let stale = false;
  for await (const snapshot of session.backplane.registry.watch(service, { signal })) {
    if (snapshot.stale === true && !stale) await tellStale(session, service, snapshot);
    stale = snapshot.stale === true;
    for (const event of diffInstances(known, snapshot.instances)) await tell(session, event);
    known = snapshot.instances;
  }
}

const MARKS = { added: ["+", "green"], changed: ["~", "yellow"], removed: ["-", "red"] } as const;

async function tell({ io, json, paint }: Session, event: InstanceEvent): Promise<void> {
  const time = new Date(io.clock.now());
  const { type, instance, change } = event;
  if (json) {
    await io.stdout.write(`${toJson({ time: time.toISOString(), event: type, instance })}\n`);
    return;
  }
  const [mark, style] = MARKS[type];
  const status = type === "changed" ? change : type === "removed" ? "gone" : instance.status;
  const facts = `${instance.service} ${instance.version}  ${addressOf(instance)}`;
  const shown = type === "added" ? paint(INSTANCE_STYLE[instance.status], status) : printable(status);
  await io.stdout.write(
    `${clockTime(time)}  ${paint(style, mark)} ${printable(facts)}  ${shown}  ${paint("dim", printable(instance.id))}\n`,
  );
}

async function tellStale({ io, json, paint }: Session, service: string, snapshot: Snapshot): Promise<void> {
  const time = new Date(io.clock.now());
  const reason = staleReason(snapshot);
  const line = json
    ? toJson({ time: time.toISOString(), event: "stale", service, error: reason })
    : `${clockTime(time)}  ${paint("yellow", "?")} ${printable(`${service}  may be out of date: ${reason}`)}`;
  await io.stdout.write(`${line}\n`);
}

async function warn({ io }: Session, error: unknown): Promise<void> {
  await io.stderr.write(`${printable(error instanceof Error ? error.message : String(error))}\n`);
}

/** Local time of day. */
function clockTime(time: Date): string {
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
