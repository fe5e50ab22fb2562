import { SetupError } from "../setup-error.ts";
import type { ServeConfig } from "./resolve-config.ts";
import { type Address, formatTcp, isLoopback, isWildcard } from "./values.ts";

/** As os.networkInterfaces() gives them. */
export type Interfaces = Readonly<
  Record<
    string,
    readonly { readonly address: string; readonly family: string; readonly internal: boolean }[] | undefined
  >
>;

const REMEDY =
  "set SKEIN_ADVERTISE (or the option advertise) to the address at which others reach this process";

/**
 * The address to announce: what was asked for; else derived from where the listener is bound. With a registry of one machine anything
 * goes; with others it must be reachable from outside. Pure. Throws an Error that names SKEIN_ADVERTISE.
 */
export function advertisedAddress(
  config: Pick<ServeConfig, "advertise" | "reach" | "listen">,
  bound: string,
  interfaces: () => Interfaces,
): string {
  // Its subject is the one address there is, for whoever reaches the servers.
  if (config.listen.scheme === "nats") return bound;
  const asked = config.advertise;
  if (asked !== undefined)
    return asked.scheme === "tcp" ? formatTcp(asked.host, asked.port ?? portOf(bound)) : asked.url;
  if (config.listen.scheme !== "tcp") return derivedLocal(bound, config);
  const { host } = config.listen;
  const port = portOf(bound);
  if (config.reach === "machine") return formatTcp(isWildcard(host) ? "127.0.0.1" : host, port);
  if (isWildcard(host)) return formatTcp(onlyAddress(interfaces()), port);
  if (isLoopback(host))
    throw new SetupError(
      `${bound} is reached from this machine only, and the registry is for others too: ${REMEDY}`,
    );
  return formatTcp(host, port);
}

function derivedLocal(bound: string, { reach }: { readonly reach: ServeConfig["reach"] }): string {
  if (reach === "machine") return bound;
  throw new SetupError(
    `${bound} is reached from this machine only, and the registry is for others too: ${REMEDY}`,
  );
}

function onlyAddress(interfaces: Interfaces): string {
  const candidates = Object.entries(interfaces).flatMap(([name, addresses]) =>
    (addresses ?? [])
      .filter((a) => a.family === "IPv4" && !a.internal)
      .map(({ address }) => ({ name, address })),
  );
  const [first, ...others] = candidates;
  if (first === undefined) throw new SetupError(`this machine has no IPv4 address but loopback: ${REMEDY}`);
  if (others.length > 0) {
    const list = candidates.map(({ name, address }) => `${address} (${name})`).join(", ");
    throw new SetupError(`this machine has several addresses, ${list}: ${REMEDY}`);
  }
  return first.address;
}

function portOf(bound: string): number {
  const port = /:(\d+)$/.exec(bound)?.[1];
  if (port === undefined)
    throw new SetupError(`the option advertise needs a port: it listens on ${bound}, which has none`);
  return Number(port);
}

/** An address as the transports' `listen` and `dial` take it. */
export function toUrl(address: Address): string {
  return address.scheme === "tcp" ? formatTcp(address.host, address.port ?? 0) : address.url;
}
