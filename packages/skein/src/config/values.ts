import { LEVELS, type LogLevel } from "../logger/levels.ts";
import { ConfigError, type Setting } from "./setting.ts";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const SHORTEST_TTL_MS = 500;
const LONGEST_TTL_MS = 3_600_000;
const TTL_FORM = "give a duration from 500ms to 1h, as in 30s or 2000ms (a bare number is seconds)";

/** A bare number is seconds, as registries count them. Milliseconds. */
export function parseTtl(setting: Setting<string | number>): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(String(setting.value));
  if (match === null) throw new ConfigError(setting, `is no duration: ${TTL_FORM}`);
  const ms = Math.round(Number(match[1]) * (UNITS[match[2] ?? "s"] as number));
  if (ms < SHORTEST_TTL_MS || ms > LONGEST_TTL_MS)
    throw new ConfigError(setting, `is out of range: ${TTL_FORM}`);
  return ms;
}

const LONGEST_WAIT_MS = 24 * 3_600_000;

/** For durations that may be none: a bare number is seconds. Milliseconds. */
export function parseWait(setting: Setting<string | number>): number {
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|m|h)?$/.exec(String(setting.value));
  const ms = Math.round(Number(match?.[1]) * (UNITS[match?.[2] ?? "s"] as number));
  if (match === null || ms > LONGEST_WAIT_MS)
    throw new ConfigError(
      setting,
      "is no duration up to 24h: give one as in 30s, 2m or 500ms (a bare number is seconds)",
    );
  return ms;
}

export function parseFlag(setting: Setting<string | boolean>): boolean {
  const text = String(setting.value).toLowerCase();
  if (["true", "1", "yes", "on"].includes(text)) return true;
  if (["false", "0", "no", "off"].includes(text)) return false;
  throw new ConfigError(setting, "is neither true nor false");
}

export function parseLevel(setting: Setting<string>): LogLevel {
  const level = LEVELS.find((l) => l === setting.value.toLowerCase());
  if (level === undefined)
    throw new ConfigError(setting, `is no log level: give one of ${LEVELS.join(", ")}`);
  return level;
}

export function parseNamespace(setting: Setting<string>): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(setting.value))
    throw new ConfigError(
      setting,
      "is no namespace: give up to 63 letters, digits, dots, dashes or underscores, a letter or digit first",
    );
  return setting.value;
}

/** Where to listen or what to advertise, taken apart. */
export type Address =
  | { readonly scheme: "tcp"; readonly host: string; readonly port: number | undefined }
  | { readonly scheme: "unix" | "memory" | "nats"; readonly url: string };

const LISTEN_FORM =
  "give tcp://host:port (port 0: any free one), unix:/path, memory:name or nats://server:port";

export function parseListen(setting: Setting<string>): Address {
  // Of its own choice there: what follows names the servers.
  if (/^nats:/.test(setting.value)) return { scheme: "nats", url: "nats://" };
  const address = parseAddress(setting.value);
  if (address === undefined || (address.scheme === "tcp" && address.port === undefined))
    throw new ConfigError(setting, `is no address to listen on: ${LISTEN_FORM}`);
  return address;
}

const ADVERTISE_FORM =
  "give the address at which others reach this process: tcp://host:port, or a host alone, which takes the port listened on";

export function parseAdvertise(setting: Setting<string>): Address {
  const address = parseAddress(setting.value);
  if (address === undefined) throw new ConfigError(setting, `is no address: ${ADVERTISE_FORM}`);
  if (address.scheme === "tcp" && isWildcard(address.host))
    throw new ConfigError(setting, `means any address, and nobody can dial it: ${ADVERTISE_FORM}`);
  return address.scheme === "tcp" && address.port === 0 ? { ...address, port: undefined } : address;
}

function parseAddress(text: string): Address | undefined {
  if (/^unix:(?:\/\/)?\/[^/]/.test(text))
    return { scheme: "unix", url: `unix:${text.replace(/^unix:(?:\/\/)?/, "")}` };
  const memory = /^memory:(?:\/\/)?([\w.-]*)$/.exec(text);
  if (memory !== null) return { scheme: "memory", url: `memory://${memory[1]}` };
  const tcp = /^(?:tcp:\/\/)?(?:\[([0-9a-fA-F:.%]+)\]|([^:/?#@\s[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = tcp?.[3] === undefined ? undefined : Number(tcp[3]);
  if (tcp === null || (port ?? 0) > 65_535) return undefined;
  return { scheme: "tcp", host: (tcp[1] ?? tcp[2]) as string, port };
}

export function formatTcp(host: string, port: number): string {
  return `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::" || host === "*";
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d+){3}$/.test(host);
}
