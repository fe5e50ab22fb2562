import type { Instance } from "@skein/core";
import { staticId } from "@skein/core/internal";

const HOST_PORT = /^(?:\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;

export function isHostPort(text: string): boolean {
  const port = Number(HOST_PORT.exec(text)?.[1]);
  return port >= 1 && port <= 65_535;
}

/** `host:port` of an instance's address of one of these protocols, the first of them first; else of any; undefined where none has one. */
export function hostPortOf(instance: Instance, ...protocols: readonly string[]): string | undefined {
  const all = instance.addresses.map(({ protocol, url }) => ({
    protocol,
    at: /^[a-z][a-z0-9+.-]*:\/\/([^/?#]+)/i.exec(url)?.[1] ?? "",
  }));
  const usable = all.filter(({ at }) => isHostPort(at));
  for (const protocol of protocols) {
    const found = usable.find((a) => a.protocol === protocol);
    if (found !== undefined) return found.at;
  }
  return usable[0]?.at;
}

/** The last segment of a key: `host:port`, or the whole URL, escaped, where there is no such thing (`unix:`). */
export function addressSegment(instance: Instance): string {
  return hostPortOf(instance, "skein") ?? encodeURIComponent(instance.addresses[0]?.url ?? instance.id);
}

/** The address that a last segment, or a value, names; undefined when it is none. */
export function urlOf(text: string): string | undefined {
  if (isHostPort(text)) return `tcp://${text}`;
  let plain = text;
  try {
    plain = decodeURIComponent(text);
  } catch {
    return undefined;
  }
  const [, scheme, rest = ""] = /^(tcp|unix|memory):(?:\/\/)?(.+)$/.exec(plain) ?? [];
  if (scheme === undefined || (scheme === "tcp" && !isHostPort(rest))) return undefined;
  return plain;
}

/** An instance that others registered: all we know is where it is. */
export function foreignInstance(
  service: string,
  version: string,
  url: string,
  more: Partial<Instance> = {},
): Instance {
  return {
    service,
    version,
    id: staticId(url),
    addresses: [{ protocol: "skein", url }],
    weight: 1,
    status: "serving",
    startedAt: new Date(0).toISOString(),
    metadata: {},
    ...more,
  };
}
