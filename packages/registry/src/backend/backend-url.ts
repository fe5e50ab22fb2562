import { RpcError } from "@skein/core";
import { suggestion } from "@skein/core/internal";
import { shownHosts, shownUrl } from "./shown-url.ts";

/** What a registry's URL may say. */
export interface BackendUrlForm {
  /** What errors call it. @default "the registry" */
  readonly what?: string | undefined;
  /** The first is the usual one. */
  readonly schemes: readonly string[];
  /** Shown in errors: `etcd://user:password@a:2379,b:2379/?prefix=/services`. */
  readonly example: string;
  /** Undefined: hosts must have one. "none": they must not, and are given without. */
  readonly defaultPort?: number | "none" | undefined;
  /** Undefined: there must be one. */
  readonly defaultHost?: string | undefined;
  /** @default false: one host at the most */
  readonly manyHosts?: boolean | undefined;
  /** Parameters that are understood. */
  readonly params: readonly string[];
  /** @default false: there must be no path */
  readonly path?: boolean | undefined;
}

export interface BackendUrl {
  readonly scheme: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Hosts with their ports, IPv6 in brackets: `127.0.0.1:2379`. */
  readonly hosts: readonly string[];
  /** Empty, or begins with a slash; never ends with one. */
  readonly path: string;
  readonly params: ReadonlyMap<string, string>;
  /** As given, without credentials: for names, logs and errors. */
  readonly shown: string;
  /** What errors call it. */
  readonly what: string;
}

const REGISTRY = "the registry";

/** INVALID_ARGUMENT with a message that names a part of a URL; of a registry's, where only what is shown of it is given. */
export function urlFault(url: string | Pick<BackendUrl, "shown" | "what">, fault: string): RpcError {
  const { shown, what } = typeof url === "string" ? { shown: url, what: REGISTRY } : url;
  return new RpcError("INVALID_ARGUMENT", `${what} ${shown}: ${fault}`, { executed: "no" });
}

/** The parts of a registry's URL. Throws INVALID_ARGUMENT, naming the part that is wrong and what would be right, never a credential. */
export function parseBackendUrl(url: string, form: BackendUrlForm): BackendUrl {
  const match = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:([^/?#]*)@)?([^/?#@]*))?([^?#]*)(?:\?([^#]*))?(#.*)?$/is.exec(
    url,
  );
  const [, scheme = "", userinfo, authority = "", path = "", query = "", fragment = ""] = match ?? [];
  const known = form.schemes.includes(scheme.toLowerCase());
  // An @ further on: what is before it may be a password, or a part of one.
  const torn = `${path}${query}${fragment}`.includes("@");
  const parts = { scheme, user: userinfo !== undefined, authority, path, query };
  const shown = torn || match === null ? `${known ? `${scheme}:` : ""}…` : shownUrl(parts, form.params);
  const { what = REGISTRY } = form;
  const fail = (fault: string): never => {
    throw urlFault({ shown, what }, `${fault}: give ${form.example}`);
  };
  if (match === null || (torn && !known)) return fail("it is no URL");
  if (!known) fail(`the scheme "${scheme}" is not ${form.schemes.join(" or ")}`);
  if (torn)
    fail(
      "an @ comes too late (in a user name or password, write / as %2F, ? as %3F, # as %23; elsewhere, @ as %40)",
    );
  if (fragment !== "") fail("what follows # is not understood (escape a # in a password as %23)");
  const [username, password] = credentials(userinfo, form, fail);
  const trimmed = path.replace(/\/+$/, "");
  if (form.path !== true && trimmed !== "") fail(`the path "${trimmed}" is not understood`);
  return {
    scheme: scheme.toLowerCase(),
    username,
    password,
    hosts: hostsOf(authority, form, fail),
    path: trimmed,
    params: paramsOf(query, form, fail),
    shown,
    what,
  };
}

type Fail = (fault: string) => never;

function decoded(text: string, what: string, fail: Fail): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return fail(`the ${what} has a % that begins no escape (write it as %25)`);
  }
}

function credentials(
  userinfo: string | undefined,
  form: BackendUrlForm,
  fail: Fail,
): [string | undefined, string | undefined] {
  if (userinfo === undefined) return [undefined, undefined];
  if (form.manyHosts === true && /@.*,/s.test(userinfo))
    fail(
      "there is more than one @: give user name and password once, before the first host (write an @ in them as %40)",
    );
  const colon = userinfo.indexOf(":");
  const username = decoded(colon < 0 ? userinfo : userinfo.slice(0, colon), "user name", fail);
  return [username, colon < 0 ? undefined : decoded(userinfo.slice(colon + 1), "password", fail)];
}

function hostsOf(authority: string, form: BackendUrlForm, fail: Fail): readonly string[] {
  if (authority === "") {
    if (form.defaultHost === undefined) fail("there is no host");
    const bare = form.defaultPort === undefined || form.defaultPort === "none";
    return [`${form.defaultHost}${bare ? "" : `:${form.defaultPort}`}`];
  }
  const parts = authority.split(",");
  if (parts.length > 1 && form.manyHosts !== true)
    fail(`there is more than one host in "${shownHosts(authority)}"`);
  return parts.map((part) => {
    const [, host, port] = /^(\[[0-9a-f:.]+(?:%[\w.-]+)?\]|[^:[\]\s]+)(?::(.*))?$/i.exec(part) ?? [];
    if (host === undefined) return fail(`"${shownHosts(part)}" is no host`);
    if (form.defaultPort === "none")
      return port === undefined ? host : fail(`the port of "${shownHosts(part)}" is not understood`);
    if (port === undefined && form.defaultPort === undefined) fail(`the host "${part}" has no port`);
    const number = port === undefined ? form.defaultPort : /^\d{1,5}$/.test(port) ? Number(port) : Number.NaN;
    if (!((number as number) >= 1 && (number as number) <= 65_535))
      fail(`the port of "${shownHosts(part)}" is none from 1 to 65535`);
    return `${host}:${number}`;
  });
}

function paramsOf(query: string, form: BackendUrlForm, fail: Fail): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  for (const part of query.split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decoded(equals < 0 ? part : part.slice(0, equals), "query", fail);
    if (!form.params.includes(name))
      fail(`the parameter "${name}" is unknown${suggestion(name, form.params)}`);
    if (params.has(name)) fail(`the parameter "${name}" is there twice`);
    params.set(name, equals < 0 ? "" : decoded(part.slice(equals + 1), `parameter "${name}"`, fail));
  }
  return params;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** A duration such as `500ms`, `5s`, `1m`, in ms. Throws INVALID_ARGUMENT, naming the parameter. */
export function durationParam(
  url: BackendUrl,
  name: string,
  bounds: {
    readonly fallback: number;
    readonly least?: number | undefined;
    readonly most?: number | undefined;
  },
): number {
  const given = url.params.get(name);
  if (given === undefined) return bounds.fallback;
  const [, amount, unit = ""] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(given) ?? [];
  const ms = Number(amount) * (UNITS[unit] ?? Number.NaN);
  if (Number.isNaN(ms))
    throw urlFault(url, `${name}=${given} is no duration: give one such as 500ms, 5s or 1m`);
  const { least = 0, most = Number.POSITIVE_INFINITY } = bounds;
  if (ms < least) throw urlFault(url, `${name}=${given} is too short: give ${least / 1000}s or more`);
  if (ms > most) throw urlFault(url, `${name}=${given} is too long: give ${most / 1000}s or less`);
  return ms;
}

/** One of several words. Throws INVALID_ARGUMENT, naming the parameter. */
export function choiceParam<const T extends string>(
  url: BackendUrl,
  name: string,
  choices: readonly T[],
  fallback: T,
): T {
  const given = url.params.get(name);
  if (given === undefined) return fallback;
  const found = choices.find((choice) => choice === given);
  if (found === undefined) throw urlFault(url, `${name}=${given} is not ${choices.join(" or ")}`);
  return found;
}
