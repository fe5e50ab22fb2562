import { type BackendUrl, durationParam, urlFault } from "@skein/registry/backend";
import { type NatsTarget, readNatsUrl } from "../nats-url.ts";
import { isSubject } from "../subjects.ts";
import { DEFAULT_BACKOFF_MS } from "./backoff.ts";
import { eventsBase } from "./event-subjects.ts";

const STREAM_PARAMS = ["maxDeliver", "ackWait", "backoff", "dead", "replicas", "maxAge"] as const;
const HOUR_MS = 3_600_000;
const DEFAULT_MAX_AGE_MS = 7 * 24 * HOUR_MS;

/** Where JetStream keeps events, and how it gives them out. */
export interface StreamTarget {
  readonly name: string;
  /** After so many attempts an event goes to the dead letters. */
  readonly maxDeliver: number;
  /** An event that nobody says is being handled is given again after this, ms. */
  readonly ackWaitMs: number;
  /** After the first failure, the second, …: the last for all that follow, ms. */
  readonly backoffMs: readonly number[];
  /** Subject before the name of an event that was given up. */
  readonly dead: string;
  /** Of a stream that we make. */
  readonly replicas: number;
  /** Of a stream that we make, ms. 0: for ever. */
  readonly maxAgeMs: number;
}

export interface EventTarget extends NatsTarget {
  /** Undefined: NATS alone. */
  readonly stream: StreamTarget | undefined;
}

/** Understands the URL of createEventBus; throws INVALID_ARGUMENT naming the part that is wrong. */
export function parseEventUrl(text: string): EventTarget {
  const { target, url } = readNatsUrl(text, ["stream", ...STREAM_PARAMS, "kv"], "the event bus");
  // Understood to be refused by name: who copies a registry's URL brings it along.
  if (url.params.has("kv"))
    throw urlFault(url, "kv= is where a registry keeps its records: events take stream= to be kept");
  const name = url.params.get("stream");
  if (name === undefined) {
    const lone = STREAM_PARAMS.find((param) => url.params.has(param));
    if (lone === undefined) return { ...target, stream: undefined };
    throw urlFault(url, `${lone}= is for JetStream: give stream= too, as in stream=EVENTS`);
  }
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name))
    throw urlFault(
      url.shown,
      `stream=${JSON.stringify(name)} is no stream: give 1 to 64 letters, digits, "-" or "_"`,
    );
  return { ...target, stream: { name, ...streamParams(url, target) } };
}

function streamParams(url: BackendUrl, { prefix }: NatsTarget): Omit<StreamTarget, "name"> {
  return {
    maxDeliver: countParam(url, "maxDeliver", 5, 1000),
    ackWaitMs: durationParam(url, "ackWait", { fallback: 30_000, least: 500, most: HOUR_MS }),
    backoffMs: backoffParam(url),
    dead: deadParam(url, prefix),
    replicas: countParam(url, "replicas", 1, 5),
    maxAgeMs: url.params.get("maxAge") === "0" ? 0 : maxAgeParam(url),
  };
}

function maxAgeParam(url: BackendUrl): number {
  return durationParam(url, "maxAge", { fallback: DEFAULT_MAX_AGE_MS, least: 1000 });
}

function countParam(url: BackendUrl, name: string, fallback: number, most: number): number {
  const given = url.params.get(name);
  if (given === undefined) return fallback;
  const count = /^\d{1,9}$/.test(given) ? Number(given) : 0;
  if (count < 1 || count > most) throw urlFault(url, `${name}=${given} is no whole number from 1 to ${most}`);
  return count;
}

function backoffParam(url: BackendUrl): readonly number[] {
  const given = url.params.get("backoff");
  if (given === undefined) return DEFAULT_BACKOFF_MS;
  return given.split(",").map((part) => {
    const one = { ...url, params: new Map([["backoff", part]]) };
    return durationParam(one, "backoff", { fallback: 0, most: 24 * HOUR_MS });
  });
}

function deadParam(url: BackendUrl, prefix: string): string {
  const dead = url.params.get("dead") ?? `${prefix}.dead`;
  const events = eventsBase(prefix);
  if (!isSubject(dead) || dead.length > 50)
    throw urlFault(
      url.shown,
      `dead=${JSON.stringify(dead)} is no subject: give one of up to 50 characters, such as ${prefix}.dead`,
    );
  if (`${dead}.`.startsWith(events) || dead.startsWith("$"))
    throw urlFault(
      url.shown,
      `dead=${dead} cannot hold dead letters: they would be events again. Give one such as ${prefix}.dead`,
    );
  return dead;
}
