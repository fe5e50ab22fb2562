import type { PublishOptions } from "./events-client.ts";

const KNOWN: readonly string[] = Object.keys({
  metadata: true,
  id: true,
  signal: true,
} satisfies Record<keyof PublishOptions, true>);

/** Undefined, or what is wrong and what would be right; what is in `id` and `metadata` is looked at elsewhere. */
export function publishOptionsFault(options: unknown): string | undefined {
  if (!isRecord(options)) return `the options are ${shown(options)}: give an object of ${KNOWN.join(", ")}`;
  for (const key of Object.keys(options))
    if (!KNOWN.includes(key)) return `there is no option "${key}": there are ${KNOWN.join(", ")}`;
  const { metadata, signal } = options;
  if (metadata !== undefined && !isRecord(metadata))
    return `metadata is ${shown(metadata)}: give an object of texts`;
  if (signal !== undefined && !(isRecord(signal) && typeof signal.addEventListener === "function"))
    return `signal is ${shown(signal)}: give an AbortSignal`;
  return undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function shown(value: unknown): string {
  return value === null ? "null" : `of type ${typeof value}`;
}
