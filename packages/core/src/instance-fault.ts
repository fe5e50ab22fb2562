import { serviceNameFault, versionFault } from "./definition/names.ts";
import type { Instance } from "./instance.ts";

const MOST_ID = 128;
const MOST_METADATA_BYTES = 8 * 1024;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const ODD = /[\x00-\x20\x7f/\\]/;

/** Why a record cannot be put into a registry, and what would be right; undefined when it can. The same for every backend, which asks before it writes. */
export function instanceFault(instance: Instance): string | undefined {
  const { service, version, id, metadata, weight } = instance;
  if (id === "" || id.length > MOST_ID || ODD.test(id))
    return `the instance id ${JSON.stringify(id.slice(0, 80))} cannot be a key in a registry: use up to ${MOST_ID} characters without spaces and slashes`;
  if (!Number.isFinite(weight) || weight < 0)
    return `the weight ${weight} of instance ${id} is no share of traffic: use a number from 0 on`;
  const { length } = new TextEncoder().encode(JSON.stringify(metadata));
  if (length > MOST_METADATA_BYTES)
    return `the metadata of instance ${id} is ${length} bytes long as JSON: a registry takes ${MOST_METADATA_BYTES}`;
  return serviceNameFault(service) ?? versionFault(version);
}
