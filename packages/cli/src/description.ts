import type { EndpointDescription, ServiceDescription } from "skein";
import type { Backplane, CallSettings } from "./backplane.ts";
import { CliError, EXIT } from "./exit.ts";
import { suggestion } from "./near.ts";

/** Answered by every server: its endpoints, with their schemas. */
const DESCRIBE = "$describe";

/** Asks an instance of the service what it offers. Rejects as the call does, and when the answer is none. */
export async function fetchDescription(
  backplane: Backplane,
  service: string,
  settings: CallSettings,
): Promise<ServiceDescription> {
  const { metadata: _, ...rest } = settings;
  const answer = await backplane.call(service, DESCRIBE, undefined, rest);
  if (isDescription(answer)) return answer;
  throw new CliError(`${service} answered ${DESCRIBE} with something else than a description`, EXIT.failed);
}

function isDescription(value: unknown): value is ServiceDescription {
  return (
    typeof value === "object" &&
    value !== null &&
    "endpoints" in value &&
    Array.isArray(value.endpoints) &&
    "version" in value
  );
}

/** @throws CliError (failed) that names near ones */
export function findEndpoint(description: ServiceDescription, method: string): EndpointDescription {
  const found = description.endpoints.find((endpoint) => endpoint.name === method);
  if (found !== undefined) return found;
  const names = description.endpoints.map((endpoint) => endpoint.name);
  throw new CliError(
    `${description.service} ${description.version} has no method "${method}"${suggestion(method, names)}`,
    EXIT.failed,
  );
}

/** @returns an error that names near services of the registry */
export async function unknownService(backplane: Backplane, service: string): Promise<CliError> {
  const known = await backplane.registry.list();
  const hint = suggestion(
    service,
    known.map((summary) => summary.name),
  );
  const empty = known.length === 0 ? "; there are no services at all" : "";
  return new CliError(`no service "${service}" in ${backplane.registry.name}${hint}${empty}`, EXIT.failed);
}
