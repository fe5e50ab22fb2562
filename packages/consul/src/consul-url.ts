import { choiceParam, durationParam, parseBackendUrl, urlFault } from "@skein/registry/backend";

const EXAMPLE = "consul://token@host:8500?dc=dc1";
const PARAMS = ["dc", "check", "deregisterAfter", "watch", "interval", "timeout"] as const;
const DAY_MS = 86_400_000;
/** Consul's own minimum. */
export const LEAST_DEREGISTER_MS = 60_000;

/** What a registry's URL says. */
export interface ConsulTarget {
  /** Without the token. */
  readonly name: string;
  /** Of the agent's HTTP API: `http://127.0.0.1:8500`. */
  readonly base: string;
  readonly token: string | undefined;
  /** Where services are looked up; undefined: the agent's own. */
  readonly dc: string | undefined;
  readonly check: "ttl" | "http";
  /** As given: Consul takes LEAST_DEREGISTER_MS and more. */
  readonly deregisterMs: number;
  /** Undefined: by blocking queries. */
  readonly pollMs: number | undefined;
  readonly timeoutMs: number;
}

/** Understands `consul://…` (see createRegistry); throws INVALID_ARGUMENT naming the part that is wrong. */
export function parseConsulUrl(text: string): ConsulTarget {
  const url = parseBackendUrl(text, {
    schemes: ["consul", "consuls"],
    example: EXAMPLE,
    defaultHost: "localhost",
    defaultPort: 8500,
    params: PARAMS,
  });
  if (url.password !== undefined)
    throw urlFault(url.shown, `there is a password, and Consul knows tokens only: give ${EXAMPLE}`);
  if (/[^\x21-\x7e]/.test(url.username ?? ""))
    throw urlFault(url.shown, "the token has characters that no token has");
  const poll = choiceParam(url, "watch", ["block", "poll"], "block") === "poll";
  if (!poll && url.params.has("interval"))
    throw urlFault(url.shown, "interval= is for polls: add watch=poll");
  const intervalMs = durationParam(url, "interval", { fallback: 5000, least: 5000, most: DAY_MS });
  return {
    name: url.shown,
    base: `${url.scheme === "consuls" ? "https" : "http"}://${url.hosts[0]}`,
    token: url.username === "" ? undefined : url.username,
    dc: url.params.get("dc"),
    check: choiceParam(url, "check", ["ttl", "http"], "ttl"),
    deregisterMs: durationParam(url, "deregisterAfter", { fallback: LEAST_DEREGISTER_MS, most: 30 * DAY_MS }),
    pollMs: poll ? intervalMs : undefined,
    timeoutMs: durationParam(url, "timeout", { fallback: 5000, least: 1000, most: 60_000 }),
  };
}
