import { SetupError } from "../setup-error.ts";
import { redactUrl } from "./redact.ts";

/** A value and where it comes from: a variable of the environment or an option. */
export interface Setting<T = unknown> {
  /** `SKEIN_TTL`, `option ttl`: for messages. */
  readonly name: string;
  readonly value: T;
}

/** Something given by people is not usable. The message names it, its value (without credentials) and what would be right. */
export class ConfigError extends SetupError {
  constructor(setting: Setting, remedy: string) {
    super(`${setting.name}=${shown(setting.value)} ${remedy}`);
    this.name = "ConfigError";
  }
}

/** The option when it is given, else the variable; an empty variable counts as absent. */
export function pick<T>(
  option: string,
  value: T | undefined,
  variable: string,
  env: Readonly<Record<string, string | undefined>>,
): Setting<T | string> | undefined {
  if (value !== undefined) return { name: `option ${option}`, value };
  const text = env[variable]?.trim();
  return text === undefined || text === "" ? undefined : { name: variable, value: text };
}

const MOST_SHOWN = 200;

/** On one line, without control characters or credentials. */
function shown(value: unknown): string {
  if (typeof value !== "string") return typeof value === "number" ? String(value) : `[${typeof value}]`;
  const safe = redactUrl(value).slice(0, MOST_SHOWN);
  return /^[\w.:/@*%+,;=?&[\]-]+$/.test(safe) ? safe : JSON.stringify(safe);
}
