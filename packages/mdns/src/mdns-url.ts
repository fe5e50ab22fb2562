import { isIPv4 } from "node:net";
import { type BackendUrl, parseBackendUrl, urlFault } from "@skein/registry/backend";
import { goMicroLayout } from "./records/go-micro-layout.ts";
import { domainFault, dotless } from "./records/labels.ts";
import { LAYOUTS, type Layout, type LayoutName } from "./records/layout.ts";
import { skeinLayout } from "./records/skein-layout.ts";

const EXAMPLE = "mdns://?interface=192.168.1.7&layout=skein,go-micro";
const PARAMS = ["interface", "port", "layout", "domain", "goMicroDomain"] as const;
const MDNS_PORT = 5353;

export interface MdnsTarget {
  readonly name: string;
  /** Undefined: all. */
  readonly interfaces: readonly string[] | undefined;
  readonly port: number;
  readonly layouts: readonly Layout[];
}

/** Understands `mdns:…` (see createRegistry); throws INVALID_ARGUMENT naming the part that is wrong. */
export function parseMdnsUrl(text: string, namespace?: string): MdnsTarget {
  const url = parseBackendUrl(text, {
    schemes: ["mdns"],
    example: EXAMPLE,
    defaultHost: "",
    defaultPort: "none",
    params: PARAMS,
  });
  if (url.hosts.some((host) => host !== ""))
    throw urlFault(url.shown, `there is a host (${url.hosts[0]}), and mDNS has none: give ${EXAMPLE}`);
  return {
    name: url.shown,
    interfaces: interfacesOf(url),
    port: portOf(url),
    layouts: layoutsOf(url, namespace === undefined ? "" : `${dotless(namespace)}.`),
  };
}

function interfacesOf(url: BackendUrl): readonly string[] | undefined {
  const given = url.params.get("interface");
  if (given === undefined) return undefined;
  const all = given.split(",");
  const odd = all.find((address) => !isIPv4(address));
  if (odd !== undefined)
    throw urlFault(
      url.shown,
      `interface=${odd} is no IPv4 address: give that of an interface, such as 192.168.1.7`,
    );
  return [...new Set(all)];
}

function portOf(url: BackendUrl): number {
  const given = url.params.get("port");
  const port = given === undefined ? MDNS_PORT : /^\d{1,5}$/.test(given) ? Number(given) : Number.NaN;
  if (!(port >= 1 && port <= 65_535)) throw urlFault(url.shown, `port=${given} is none from 1 to 65535`);
  return port;
}

function layoutsOf(url: BackendUrl, under: string): readonly Layout[] {
  const skeinDomain = domainParam(url, "domain", "local");
  const goMicroDomain = domainParam(url, "goMicroDomain", "micro");
  const made: Record<LayoutName, () => Layout> = {
    skein: () => skeinLayout(under + skeinDomain),
    "go-micro": () => goMicroLayout(under + goMicroDomain),
  };
  const names = (url.params.get("layout") ?? "skein").split(",");
  return [...new Set(names)].map((name) => {
    const known = LAYOUTS.find((layout) => layout === name);
    if (known === undefined)
      throw urlFault(url.shown, `layout=${name} is not ${LAYOUTS.join(", ")}, or both with a comma`);
    return made[known]();
  });
}

function domainParam(url: BackendUrl, name: string, fallback: string): string {
  const given = (url.params.get(name) ?? fallback).replace(/\.$/, "");
  const fault = domainFault(given);
  if (fault !== undefined) throw urlFault(url.shown, `${name}=${given} ${fault}`);
  return given;
}
