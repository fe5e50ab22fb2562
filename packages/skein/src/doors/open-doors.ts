import type { DoorFactory, DoorHost, DoorOf, Logger, OutsideDoor, OutsideDoorFactory } from "@skein/core";
import { importFromApp } from "../import-from-app.ts";
import { asSetup, SetupError } from "../setup-error.ts";

/** Doors known by name; their packages are loaded when they are asked for. */
export type DoorName = "http" | "grpc" | "jsonrpc" | "nats-micro";
export type DoorOption = DoorName | DoorFactory<never> | OutsideDoorFactory;

type AnyDoor = DoorOf | OutsideDoor;
type AnyFactory = DoorFactory | OutsideDoorFactory;

const PACKAGES: Readonly<Record<DoorName, string>> = {
  http: "@skein/http",
  jsonrpc: "@skein/http/jsonrpc",
  grpc: "@skein/grpc",
  "nats-micro": "@skein/nats/micro",
};

/** What the door on NATS has to know. */
export interface DoorServers {
  /** URL of NATS's servers. Undefined: there are none. */
  readonly nats: string | undefined;
  readonly namespace: string | undefined;
}

/** How a package makes a door of what it is told of servers; the others take nothing. */
type CreateOutsideDoor = (servers: {
  readonly url: string;
  readonly namespace?: string;
}) => OutsideDoorFactory;

/** Undefined, or what is wrong with the option. */
export function doorsFault(doors: unknown): string | undefined {
  if (doors === undefined) return undefined;
  const give = `give an array of ${Object.keys(PACKAGES).join(", ")} or of what a door's package makes`;
  if (!Array.isArray(doors)) return `option doors is ${String(doors)}: ${give}`;
  const wrong = doors.find(
    (door) => typeof door !== "function" && !(typeof door === "string" && Object.hasOwn(PACKAGES, door)),
  );
  if (wrong !== undefined) return `option doors has ${JSON.stringify(wrong)}: ${give}`;
  const names = doors.filter((door) => typeof door === "string");
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  return twice === undefined ? undefined : `option doors has "${twice}" twice`;
}

/** Doors on the service's port, and those that are elsewhere, which are to be opened. */
export interface Doors {
  readonly here: readonly DoorOf[];
  readonly outside: readonly OutsideDoor[];
}

/** @throws SetupError that names what to install or to change; nothing is left open then */
export async function makeDoors(
  doors: readonly DoorOption[],
  host: DoorHost,
  servers: DoorServers,
): Promise<Doors> {
  const opened: AnyDoor[] = [];
  try {
    for (const door of doors) opened.push(await open(door, host, servers));
    const protocols = opened.map((door) => door.protocol);
    const twice = protocols.find((protocol, i) => protocols.indexOf(protocol) !== i);
    if (twice !== undefined) throw new SetupError(`option doors: two of them speak ${twice}`);
  } catch (error) {
    await closeDoors(opened, 0, host.logger);
    throw error;
  }
  return {
    here: opened.filter(isHere),
    outside: opened.filter((door): door is OutsideDoor => !isHere(door)),
  };
}

function isHere(door: AnyDoor): door is DoorOf {
  return "accept" in door;
}

/** Callers may come to those that are elsewhere. @throws SetupError when they cannot */
export async function openOutside({ outside }: Doors): Promise<void> {
  for (const door of outside) await asSetup(() => door.open());
}

/** No more calls come to those that are elsewhere, where others have not been told that this process goes. */
export async function leaveOutside({ outside }: Doors, logger: Logger, service?: string): Promise<void> {
  await eachOf(outside, logger, (door) => door.leave(service));
}

/** Never rejects: a door that cannot be closed does not keep what comes after it from being closed. */
export async function closeDoors(doors: readonly Closable[], graceMs: number, logger: Logger): Promise<void> {
  await eachOf(doors, logger, (door) => door.close(graceMs));
}

type Closable = Pick<OutsideDoor, "name" | "close">;

async function eachOf<D extends Closable>(
  doors: readonly D[],
  logger: Logger,
  end: (door: D) => Promise<void>,
): Promise<void> {
  const one = async (door: D): Promise<void> => {
    try {
      await end(door);
    } catch (error) {
      logger.error({ door: door.name, err: error }, "a door could not be closed");
    }
  };
  await Promise.all(doors.map(one));
}

async function open(option: DoorOption, host: DoorHost, servers: DoorServers): Promise<AnyDoor> {
  const factory = (typeof option === "string" ? await load(option, servers) : option) as AnyFactory;
  const door: Partial<DoorOf & OutsideDoor> = await asSetup(async (): Promise<AnyDoor> => factory(host));
  const made = typeof door?.accept === "function" || typeof door?.open === "function";
  if (typeof door?.protocol === "string" && made) return door as AnyDoor;
  const what =
    typeof option === "string" ? `the door ${option}` : `${factory.name || "a function"} in option doors`;
  throw new SetupError(
    `${what} makes no door: what a package gives is called first, as in doors: [grpcDoor()]`,
  );
}

async function load(name: DoorName, { nats, namespace }: DoorServers): Promise<AnyFactory> {
  const specifier = PACKAGES[name];
  const loaded = await importFromApp(specifier);
  const installed = specifier.split("/").slice(0, 2).join("/");
  if (loaded === undefined)
    throw new SetupError(`the door ${name} needs the package ${installed}: npm install ${installed}`);
  const { createDoor } = loaded;
  if (typeof createDoor !== "function")
    throw new SetupError(
      `the door ${name} needs createDoor() of ${specifier}, which this version of it does not have`,
    );
  if (name !== "nats-micro") return createDoor as DoorFactory;
  if (nats === undefined)
    throw new SetupError(
      "the door nats-micro needs servers of NATS: give nats (or SKEIN_NATS) nats://user:password@a:4222,b:4222",
    );
  return (createDoor as CreateOutsideDoor)({ url: nats, ...(namespace !== undefined && { namespace }) });
}
