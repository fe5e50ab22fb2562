import type { CodecFactory, EventBus } from "@skein/core";
import type { Environment } from "./resolve-config.ts";
import { ConfigError, pick } from "./setting.ts";

/** What servers and programs that publish have in common. An option wins over its variable. */
export interface EventsConfigOptions {
  /**
   * What carries events: `nats://a:4222,b:4222` (at most once), `nats://…?stream=NAME` (kept by JetStream, at least once), `memory:` (within this
   * process), or an object. Variable `SKEIN_EVENTS`. @default the servers of `nats`, where there are some, else `memory:`
   */
  readonly events?: string | EventBus | undefined;
  /** How payloads are published: `json` is what other programs read. All of these are understood, whatever is chosen. @default "json" */
  readonly eventCodec?: "json" | "msgpack" | CodecFactory | undefined;
}

export type EventsTarget =
  | { readonly kind: "object"; readonly bus: EventBus }
  | { readonly kind: "memory"; readonly name: string; readonly chosen: boolean }
  | { readonly kind: "nats"; readonly url: string };

const FORM = "give memory:, nats://server:4222 or nats://server:4222?stream=EVENTS";

/** Pure. Throws ConfigError. @param nats URL of NATS's servers, where others use them */
export function resolveEvents(
  options: EventsConfigOptions,
  env: Environment,
  nats: string | undefined,
): EventsTarget {
  const setting = pick("events", options.events, "SKEIN_EVENTS", env);
  if (setting === undefined)
    return nats === undefined ? { kind: "memory", name: "", chosen: false } : { kind: "nats", url: nats };
  const { value } = setting;
  if (typeof value !== "string") {
    if (typeof value?.publish !== "function" || typeof value.subscribe !== "function")
      throw new ConfigError(
        setting,
        "is no event bus: give a URL, or an object with publish, subscribe and close",
      );
    return { kind: "object", bus: value };
  }
  const memory = /^memory:(?:\/\/)?([\w.-]*)$/.exec(value);
  if (memory !== null) return { kind: "memory", name: memory[1] as string, chosen: true };
  if (!/^(?:nats|tls):\/\/[^/?]/.test(value)) throw new ConfigError(setting, `names no event bus: ${FORM}`);
  return { kind: "nats", url: value };
}
