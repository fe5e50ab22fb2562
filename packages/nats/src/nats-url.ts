import { readFileSync } from "node:fs";
import { type BackendUrl, parseBackendUrl, urlFault } from "@skein/registry/backend";
import { isSubject } from "./subjects.ts";

const EXAMPLE = "nats://user:password@a:4222,b:4222/?prefix=skein";
const PARAMS = ["prefix", "creds", "nkey", "tls", "ca", "cert", "key"] as const;
const MAX_PREFIX = 64;

export interface NatsTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface NatsTarget {
  /** Without credentials. */
  readonly name: string;
  readonly hosts: readonly string[];
  readonly prefix: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
  /** A file with a JWT and its seed. */
  readonly creds?: Uint8Array | undefined;
  /** A seed. */
  readonly nkey?: Uint8Array | undefined;
  /** Undefined: TLS where the server offers it. */
  readonly tls?: NatsTls | undefined;
}

/** Understands `nats://…` (see createTransport); throws INVALID_ARGUMENT naming the part that is wrong. */
export function parseNatsUrl(text: string): NatsTarget {
  return readNatsUrl(text, []).target;
}

/** As parseNatsUrl, with more parameters, whose values are for who names them to check. `what`: what errors call it. */
export function readNatsUrl(
  text: string,
  params: readonly string[],
  what = "the servers",
): { readonly target: NatsTarget; readonly url: BackendUrl } {
  const url = parseBackendUrl(text, {
    what,
    schemes: ["nats", "tls"],
    example: EXAMPLE,
    defaultHost: "localhost",
    defaultPort: 4222,
    manyHosts: true,
    params: [...PARAMS, ...params],
  });
  const prefix = url.params.get("prefix") ?? "skein";
  if (!isSubject(prefix) || prefix.length > MAX_PREFIX)
    throw urlFault(url, `prefix=${JSON.stringify(prefix)} is no subject: give one such as skein`);
  const target = { name: url.shown, hosts: url.hosts, prefix, ...credentialsOf(url), tls: tlsOf(url) };
  return { target, url };
}

type Credentials = Pick<NatsTarget, "user" | "password" | "token" | "creds" | "nkey">;

function credentialsOf(url: BackendUrl): Credentials {
  const { username, password } = url;
  const creds = fileParam(url, "creds");
  const seed = fileParam(url, "nkey");
  const named = username !== undefined && username !== "";
  if ([named, creds !== undefined, seed !== undefined].filter(Boolean).length > 1)
    throw urlFault(url, "give one of a user (or token), creds= and nkey=");
  if (creds !== undefined) return { creds };
  // The library reads a seed to the end of the file: not its last line's end.
  if (seed !== undefined) return { nkey: Buffer.from(seed.toString("latin1").trim(), "latin1") };
  if (!named) return {};
  return password === undefined ? { token: username } : { user: username, password };
}

function tlsOf(url: BackendUrl): NatsTls | undefined {
  const given = url.params.get("tls");
  if (given !== undefined && given !== "true" && given !== "")
    throw urlFault(url, `tls=${given} is not true (files are ca=, cert= and key=)`);
  const [ca, cert, key] = (["ca", "cert", "key"] as const).map((name) => fileParam(url, name)?.toString());
  if ((cert === undefined) !== (key === undefined))
    throw urlFault(url, "a client certificate needs both cert= and key=");
  if (given === undefined && url.scheme !== "tls" && ca === undefined && cert === undefined) return undefined;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
  };
}

function fileParam(url: BackendUrl, name: string): Buffer | undefined {
  const path = url.params.get(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw urlFault(url, `${name}=${path} cannot be read: ${(cause as Error).message}`);
  }
}
