import { readFileSync } from "node:fs";
import { type BackendUrl, choiceParam, parseBackendUrl, urlFault } from "@skein/registry/backend";
import { goMicroLayout } from "./layouts/go-micro.ts";
import { grpcLayout } from "./layouts/grpc.ts";
import { plainLayout, skeinLayout } from "./layouts/keyed.ts";
import { LAYOUTS, type Layout, type LayoutName } from "./layouts/layout.ts";

const EXAMPLE = "etcd://user:password@a:2379,b:2379/?prefix=/services";
const PARAMS = [
  "prefix",
  "layout",
  "value",
  "goMicroPrefix",
  "grpcTarget",
  "tls",
  "ca",
  "cert",
  "key",
  "serverName",
] as const;

export interface EtcdTls {
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  readonly serverName: string | undefined;
}

export interface EtcdTarget {
  /** Without credentials. */
  readonly name: string;
  readonly hosts: readonly string[];
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** Undefined: plain TCP. */
  readonly tls: EtcdTls | undefined;
  readonly layouts: readonly Layout[];
}

/** Understands `etcd://…` (see createRegistry); throws INVALID_ARGUMENT naming the part that is wrong. */
export function parseEtcdUrl(text: string, namespace?: string): EtcdTarget {
  const url = parseBackendUrl(text, {
    schemes: ["etcd", "etcds"],
    example: EXAMPLE,
    defaultHost: "localhost",
    defaultPort: 2379,
    manyHosts: true,
    params: PARAMS,
  });
  return {
    name: url.shown,
    hosts: url.hosts,
    credentials: credentialsOf(url),
    tls: tlsOf(url),
    layouts: layoutsOf(url, namespace === undefined ? "" : `/${namespace}`),
  };
}

function credentialsOf(url: BackendUrl): EtcdTarget["credentials"] {
  const { username, password } = url;
  if (username === undefined || username === "") return undefined;
  if (password === undefined)
    throw urlFault(url.shown, `there is a user name without a password: give ${EXAMPLE}`);
  return { username, password };
}

function tlsOf(url: BackendUrl): EtcdTls | undefined {
  const given = url.params.get("tls");
  if (given !== undefined && given !== "true" && given !== "false" && given !== "")
    throw urlFault(url.shown, `tls=${given} is not true or false (files are ca=, cert= and key=)`);
  const [ca, cert, key] = (["ca", "cert", "key"] as const).map((name) => fileParam(url, name));
  const serverName = url.params.get("serverName");
  const asked = given === "true" || given === "" || url.scheme === "etcds";
  const implied = [ca, cert, key, serverName].some((v) => v !== undefined);
  if (given === "false" && (implied || url.scheme === "etcds"))
    throw urlFault(url.shown, "tls=false contradicts etcds://, ca=, cert=, key= and serverName=");
  if ((cert === undefined) !== (key === undefined))
    throw urlFault(url.shown, "a client certificate needs both cert= and key=");
  return asked || implied ? { ca, cert, key, serverName } : undefined;
}

function fileParam(url: BackendUrl, name: string): Buffer | undefined {
  const path = url.params.get(name);
  if (path === undefined) return undefined;
  try {
    return readFileSync(path);
  } catch (cause) {
    throw urlFault(url.shown, `${name}=${path} cannot be read: ${(cause as Error).message}`);
  }
}

function layoutsOf(url: BackendUrl, under: string): readonly Layout[] {
  const names = (url.params.get("layout") ?? "skein").split(",");
  const value = choiceParam(url, "value", ["json", "active", "address"], "json");
  const prefix = prefixParam(url, "prefix", "/services");
  const goMicro = prefixParam(url, "goMicroPrefix", "/micro/registry");
  const target = url.params.get("grpcTarget") ?? "{service}";
  if (target.split("{service}").length !== 2 || target.endsWith("/"))
    throw urlFault(url.shown, `grpcTarget=${target} must have {service} in it once, and end with no slash`);
  const made: Record<LayoutName, () => Layout> = {
    skein: () => skeinLayout(under + prefix),
    plain: () => plainLayout(under + prefix, value),
    "go-micro": () => goMicroLayout(under + goMicro),
    grpc: () => grpcLayout(under === "" ? target : `${under}/${target}`),
  };
  const layouts = names.map((name) => {
    const known = LAYOUTS.find((layout) => layout === name);
    if (known === undefined)
      throw urlFault(
        url.shown,
        `layout=${name} is not ${LAYOUTS.join(", ")}, or several of them with commas`,
      );
    return made[known]();
  });
  if (names.includes("skein") && names.includes("plain"))
    throw urlFault(url.shown, "the layouts skein and plain use the same keys: choose one of them");
  return layouts;
}

/** Empty, or begins with a slash and ends with none. */
function prefixParam(url: BackendUrl, name: string, fallback: string): string {
  const given = url.params.get(name) ?? fallback;
  const trimmed = given.replace(/\/+$/, "");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (trimmed === "" || /[\x00-\x20\x7f]|\/\//.test(trimmed))
    throw urlFault(url.shown, `${name}=${given} is no prefix: give one such as ${fallback}`);
  return trimmed;
}
