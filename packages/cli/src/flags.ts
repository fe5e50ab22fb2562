import { type Command, InvalidArgumentError } from "commander";

/** Adds what every command takes. */
export function withCommonFlags(command: Command): Command {
  return command
    .option("--registry <url>", "registry to look at (default: $SKEIN_REGISTRY, else this machine's own)")
    .option("--namespace <name>", "namespace in it (default: $SKEIN_NAMESPACE)")
    .option("--json", "prints JSON for programs: a document, or a line for each item");
}

/** Adds what commands that call a service take. */
export function withCallFlags(command: Command): Command {
  return withCommonFlags(command)
    .option(
      "--timeout <ms>",
      "deadline of a call (default: the method's own, else 5000)",
      wholeNumber("milliseconds"),
    )
    .option("--metadata <key=value>", "text that travels with the call; may be repeated", collectMetadata)
    .option("--version <range>", 'only instances of these versions, as "^1.2"');
}

export interface CallFlags {
  readonly timeout?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly version?: string;
}

export function callOptions(flags: CallFlags) {
  return { timeoutMs: flags.timeout, metadata: flags.metadata, version: flags.version };
}

/** A parser of numbers from 1. */
export function wholeNumber(unit: string): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < 1)
      throw new InvalidArgumentError(`A whole number of ${unit} from 1 is expected.`);
    return value;
  };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, "": 1000, s: 1000, m: 60_000 };

/** `10s`, `500ms`, `2m`, or a number of seconds, in milliseconds. */
export function durationMs(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|)$/.exec(text) ?? [];
  const ms = Number(digits) * (UNITS[unit ?? ""] ?? Number.NaN);
  if (!(ms >= 1)) throw new InvalidArgumentError("A time such as 10s, 500ms or 2m is expected.");
  return ms;
}

function collectMetadata(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const at = text.indexOf("=");
  const key = text.slice(0, at).toLowerCase();
  if (at < 1 || !/^[\x21-\x7e]+$/.test(key))
    throw new InvalidArgumentError("A key and a value are expected, as in tenant=acme.");
  return { ...before, [key]: text.slice(at + 1) };
}
