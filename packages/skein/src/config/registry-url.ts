import { ConfigError, type Setting } from "./setting.ts";

/** A registry named by URL, as far as it can be understood without its package. */
export type RegistryUrl =
  | { readonly kind: "memory"; readonly name: string | undefined }
  | { readonly kind: "local"; readonly directory: string | undefined }
  | { readonly kind: "static"; readonly url: string }
  /** A registry centre (`skein registry`). */
  | { readonly kind: "http"; readonly url: string }
  /** Served by a package of its own: `createRegistry(url, options)`. */
  | { readonly kind: "package"; readonly package: string; readonly url: string };

/** Scheme → package. */
const PACKAGES: Readonly<Record<string, string>> = {
  etcd: "@skein/etcd",
  etcds: "@skein/etcd",
  consul: "@skein/consul",
  consuls: "@skein/consul",
  nats: "@skein/nats",
  mdns: "@skein/mdns",
  "dns+srv": "@skein/dns",
};
const FORM = `give local:, local:/directory, memory:, static://user=10.0.0.1:8080 or one of ${[
  "etcd",
  "consul",
  "nats",
  "mdns",
  "http",
  "dns+srv",
]
  .map((scheme) => `${scheme}://…`)
  .join(", ")}`;

export function parseRegistryUrl(setting: Setting<string>): RegistryUrl {
  const match = /^([a-z][a-z0-9+.-]*):(?:\/\/)?(.*)$/is.exec(setting.value);
  if (match === null) throw new ConfigError(setting, `is no registry: ${FORM}`);
  const scheme = (match[1] as string).toLowerCase();
  const rest = match[2] as string;
  if (scheme === "memory") {
    if (!/^[\w.-]*$/.test(rest))
      throw new ConfigError(setting, "is no memory registry: give memory: or memory:name");
    return { kind: "memory", name: rest === "" ? undefined : rest };
  }
  if (scheme === "local") {
    if (rest !== "" && !rest.startsWith("/"))
      throw new ConfigError(setting, "is no local registry: give local: or local:/an/absolute/directory");
    return { kind: "local", directory: rest === "" ? undefined : rest };
  }
  if (scheme === "static") return { kind: "static", url: setting.value };
  if (scheme === "http" || scheme === "https") return { kind: "http", url: setting.value };
  const name = PACKAGES[scheme];
  if (name === undefined) throw new ConfigError(setting, `has an unknown scheme: ${FORM}`);
  return { kind: "package", package: name, url: setting.value };
}
