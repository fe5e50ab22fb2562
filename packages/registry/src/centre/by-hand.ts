import type { Instance } from "@skein/core";
import { instanceFault, serviceNameFault, staticId } from "@skein/core/internal";
import { isMetadata } from "../backend/instance-record.ts";
import type { Fields } from "./body.ts";
import { numberField, onlyKnown, textField, ttlField } from "./fields.ts";
import { badInput } from "./refusal.ts";

/** Nobody renews it as often as a service does. */
const TTL_MS = 60_000;
const KNOWN = [
  "name",
  "addr",
  "version",
  "id",
  "zone",
  "weight",
  "protocol",
  "ttl",
  "ttlMs",
  "namespace",
  "metadata",
  "meta.",
];

/** An instance that somebody registers with a line of curl. */
export interface ByHand {
  /** As it was given, capitals included. */
  readonly name: string;
  readonly instance: Instance;
  readonly ttlMs: number;
}

/** From fields such as `name=Arith`, `addr=127.0.0.1:1234`. Names of services have no capitals: `Arith` is the service arith. Throws a Refusal. */
export function instanceByHand(fields: Fields, startedAt: string): ByHand {
  onlyKnown(fields.keys(), KNOWN);
  const name = textField(fields, "name");
  const address = textField(fields, "addr");
  if (name === undefined || address === undefined)
    throw badInput(
      `there is no ${name === undefined ? "name" : "addr"}: send name=user and addr=127.0.0.1:1234, or an instance`,
    );
  const service = name.toLowerCase();
  const odd = serviceNameFault(service);
  if (odd !== undefined) throw badInput(odd);
  const zone = textField(fields, "zone");
  const instance: Instance = {
    service,
    version: textField(fields, "version") ?? "0.0.0",
    id: textField(fields, "id") ?? idByHand(name, address),
    addresses: [{ protocol: textField(fields, "protocol") ?? "skein", url: urlOf(address) }],
    ...(zone === undefined ? {} : { zone }),
    weight: numberField(fields, "weight", 1),
    status: "serving",
    startedAt,
    metadata: metadataOf(fields),
  };
  const fault = instanceFault(instance);
  if (fault !== undefined) throw badInput(fault);
  return { name, instance, ttlMs: ttlField(fields, TTL_MS) };
}

/** The same for the same name and address, so that registering again renews. */
export function idByHand(name: string, address: string): string {
  const odd = /[^A-Za-z0-9.:_[\]-]/g;
  return staticId(
    `${name.toLowerCase()}@${urlOf(address)
      .replace(/^tcp:\/\//, "")
      .replaceAll(odd, "_")}`,
  );
}

/** `127.0.0.1:1234`, `[::1]:1234`, or with a scheme: `tcp://…`, `unix:/…`. */
function urlOf(address: string): string {
  const [, host, port] = /^(?:tcp:\/\/)?(\[[0-9a-fA-F:.]+\]|[^:/\s[\]@]+):(\d{1,5})$/.exec(address) ?? [];
  if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535)
    return `tcp://${host}:${Number(port)}`;
  if (/^unix:\/[^\s\0]+$/.test(address)) return address;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (host === undefined && /^(?!tcp:)[a-z][a-z0-9+.-]*:\/\/[^\s\x00-\x1f\x7f@]+$/.test(address))
    return address;
  throw badInput(
    `addr=${JSON.stringify(address.slice(0, 80))} is no address: give one such as 127.0.0.1:1234, [::1]:1234 or unix:/run/user.sock`,
  );
}

/** `meta.zone=a` in a form, `"metadata":{…}` in JSON. */
function metadataOf(fields: Fields): Readonly<Record<string, string>> {
  const given = fields.get("metadata") ?? {};
  const single = [...fields].filter(([name]) => name.startsWith("meta."));
  const all = { ...(given as object), ...Object.fromEntries(single.map(([name, v]) => [name.slice(5), v])) };
  if (typeof given !== "object" || !isMetadata(all)) throw badInput("metadata holds texts only, by name");
  return all;
}
