import { serviceNameFault, versionFault } from "@skein/core/internal";
import {
  type BackendUrl,
  choiceParam,
  durationParam,
  parseBackendUrl,
  urlFault,
} from "@skein/registry/backend";
import { dnsNameFault, foldName, isWithin, serviceOfName } from "./dns-name.ts";
import { type DnsServer, parseServer } from "./dns-servers.ts";

/** What a `dns+srv:` URL says. */
export interface DnsUrl {
  /** For names, logs and errors. */
  readonly shown: string;
  /** The one service; undefined where the name has `{service}`. */
  readonly service: string | undefined;
  /** Undefined: the system's. */
  readonly servers: readonly DnsServer[] | undefined;
  /** Undefined: SRV records say it. */
  readonly port: number | undefined;
  readonly version: string;
  readonly minTtlMs: number;
  readonly transport: "udp" | "tcp";
  /** The name to ask for; undefined for a service that is not served. */
  nameOf(service: string): string | undefined;
}

const FORM = {
  schemes: ["dns+srv"],
  example:
    "dns+srv://{service}.service.consul?server=127.0.0.1:8600 or dns+srv://_skein._tcp.{service}.default.svc.cluster.local",
  defaultPort: "none",
  defaultHost: undefined,
  params: ["server", "type", "port", "service", "version", "minTtl", "transport"],
} as const;
const SERVICE = "{service}";

/** Throws INVALID_ARGUMENT, naming the part that is wrong. */
export function parseDnsUrl(url: string, namespace: string | undefined): DnsUrl {
  const parsed = parseBackendUrl(url, FORM);
  const fail = (fault: string): never => {
    throw urlFault(parsed.shown, fault);
  };
  if (parsed.username !== undefined) fail("DNS knows no users: remove what is before the @");
  const template = templateOf(parsed.hosts[0] as string, namespace, fail);
  const service = serviceOf(parsed, template, fail);
  const version = parsed.params.get("version") ?? "0.0.0";
  const fault = versionFault(version);
  if (fault !== undefined) fail(fault);
  return {
    shown: parsed.shown,
    service,
    servers: serversOf(parsed, fail),
    port: portOf(parsed, fail),
    version,
    minTtlMs: durationParam(parsed, "minTtl", { fallback: 1000, least: 100, most: 30_000 }),
    // Consul leaves out of its answers by UDP what is over three records, without saying so.
    transport: choiceParam(parsed, "transport", ["udp", "tcp"], isWithin(template, "consul") ? "tcp" : "udp"),
    nameOf(of) {
      if (service !== undefined) return of === service ? template : undefined;
      return template.replaceAll(SERVICE, of.replaceAll(".", "-"));
    },
  };
}

type Fail = (fault: string) => never;

function templateOf(host: string, namespace: string | undefined, fail: Fail): string {
  const written = foldName(host.replaceAll(/%7b/gi, "{").replaceAll(/%7d/gi, "}"));
  const template = written.replaceAll(
    "{namespace}",
    () => namespace ?? fail("its name has {namespace}, and there is no namespace: set SKEIN_NAMESPACE"),
  );
  const odd = /\{[^}]*\}?|\}/.exec(template.replaceAll(SERVICE, ""))?.[0];
  if (odd !== undefined) fail(`${odd} is unknown in a name; known: {service}, {namespace}`);
  const fault = dnsNameFault(template.replaceAll(SERVICE, "x"));
  if (fault !== undefined) fail(fault);
  return template;
}

function serviceOf(url: BackendUrl, template: string, fail: Fail): string | undefined {
  const given = url.params.get("service");
  if (template.includes(SERVICE)) {
    if (given !== undefined) fail(`service=${given} is for a name without {service}: remove one of them`);
    return undefined;
  }
  const service = given ?? serviceOfName(template);
  const fault = serviceNameFault(service);
  if (fault !== undefined) fail(`${fault}: name the service with service=…, or write {service} in the name`);
  return service;
}

function serversOf(url: BackendUrl, fail: Fail): readonly DnsServer[] | undefined {
  const given = url.params.get("server");
  return given
    ?.split(",")
    .map(
      (part) =>
        parseServer(part) ??
        fail(
          `server=${given}: "${part}" is no server: give one such as 127.0.0.1:8600, [::1]:53 or consul:8600`,
        ),
    );
}

function portOf(url: BackendUrl, fail: Fail): number | undefined {
  const type = choiceParam(url, "type", ["srv", "a"], "srv");
  const given = url.params.get("port");
  if (type === "srv") {
    if (given !== undefined) fail(`port=${given} is for type=a: SRV records say the port`);
    return undefined;
  }
  if (given === undefined) return fail("type=a needs a port: give one such as port=8080");
  const port = /^\d{1,5}$/.test(given) ? Number(given) : 0;
  if (port < 1 || port > 65_535) fail(`port=${given} is none from 1 to 65535`);
  return port;
}
