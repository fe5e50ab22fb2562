import type { Door, DoorFactory, DoorHost, DoorOf, Logger } from "@skein/core";
import { importFromApp } from "../import-from-app.ts";
import { asSetup, SetupError } from "../setup-error.ts";

/** Doors known by name; their packages are loaded when they are asked for. */
export type DoorName = "http" | "grpc" | "jsonrpc";
export type DoorOption = DoorName | DoorFactory<never>;

const PACKAGES: Readonly<Record<DoorName, string>> = {
  http: "@skein/http",
  jsonrpc: "@skein/http/jsonrpc",
  grpc: "@skein/grpc",
};

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

/** @throws SetupError that names what to install or to change; nothing is left open then */
export async function openDoors(doors: readonly DoorOption[], host: DoorHost): Promise<readonly DoorOf[]> {
  const opened: DoorOf[] = [];
  try {
    for (const door of doors) opened.push(await open(door, host));
    const protocols = opened.map((door) => door.protocol);
    const twice = protocols.find((protocol, i) => protocols.indexOf(protocol) !== i);
    if (twice !== undefined) throw new SetupError(`option doors: two of them speak ${twice}`);
  } catch (error) {
    await closeDoors(opened, 0, host.logger);
    throw error;
  }
  return opened;
}

/** Never rejects: a door that cannot be closed does not keep what comes after it from being closed. */
export async function closeDoors(doors: readonly Door[], graceMs: number, logger: Logger): Promise<void> {
  const close = async (door: Door): Promise<void> => {
    try {
      await door.close(graceMs);
    } catch (error) {
      logger.error({ door: door.name, err: error }, "a door could not be closed");
    }
  };
  await Promise.all(doors.map(close));
}

async function open(option: DoorOption, host: DoorHost): Promise<DoorOf> {
  const factory = (typeof option === "string" ? await load(option) : option) as DoorFactory;
  const door: Partial<DoorOf> = await asSetup(async () => factory(host));
  if (typeof door?.protocol === "string" && typeof door.accept === "function") return door as DoorOf;
  const what =
    typeof option === "string" ? `the door ${option}` : `${factory.name || "a function"} in option doors`;
  throw new SetupError(
    `${what} makes no door: what a package gives is called first, as in doors: [grpcDoor()]`,
  );
}

async function load(name: DoorName): Promise<DoorFactory> {
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
  return createDoor as DoorFactory;
}
