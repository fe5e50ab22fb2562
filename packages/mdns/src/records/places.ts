import { isIPv4, isIPv6 } from "node:net";
import type { Instance } from "@skein/core";
import type { DnsRecord } from "../wire.ts";

const HOST_PORT = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/;

/** Where an instance listens, as DNS can say it. */
export interface Place {
  /** An IP, or a name. */
  readonly host: string;
  readonly port: number;
}

/** That of an instance's address of one of these protocols, the first of them first; else of any; undefined where none has one. */
export function placeOf(instance: Instance, ...protocols: readonly string[]): Place | undefined {
  const all = instance.addresses.flatMap(({ protocol, url }) => {
    const place = parsePlace(/^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(url)?.[1] ?? "");
    return place === undefined ? [] : [{ protocol, place }];
  });
  for (const protocol of protocols) {
    const found = all.find((a) => a.protocol === protocol);
    if (found !== undefined) return found.place;
  }
  return all[0]?.place;
}

function parsePlace(text: string): Place | undefined {
  const [, v6, name, digits] = HOST_PORT.exec(text) ?? [];
  const port = Number(digits);
  const host = v6 ?? name;
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined;
  return { host: host === "localhost" ? "127.0.0.1" : host, port };
}

/** `host:port`, IPv6 in brackets. */
export function hostPort({ host, port }: Place): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The name an SRV gives as its target: a host's own, or one made for its IP. */
export function targetOf(host: string, domain: string): string {
  const ip = isIPv4(host) || isIPv6(host);
  return ip ? `ip-${host.replaceAll(/[.:]+/g, "-")}.${domain}` : host;
}

/** The address of that target; none where the host is a name, which DNS itself knows. */
export function addressRecords(host: string, domain: string, ttl: number): readonly DnsRecord[] {
  const name = targetOf(host, domain);
  if (isIPv4(host)) return [{ type: "A", name, ttl, data: host }];
  if (isIPv6(host)) return [{ type: "AAAA", name, ttl, data: host }];
  return [];
}
