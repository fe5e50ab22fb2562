import { type EndpointDescription, RpcError, type ServiceDescription } from "skein";
import type { Backplane, CallSettings } from "./backplane.ts";
import { CliError, EXIT } from "./exit.ts";
import { suggestion } from "./near.ts";

/** Answered by every server: its endpoints, with their schemas. */
const DESCRIBE = "$describe";

/**
 * Asks an instance of the service what it offers. Rejects as the call does, but speaks of the service, for nobody has asked for that call;
 * a service that is not there is a CliError that names the near ones.
 */
export async function fetchDescription(
  backplane: Backplane,
  service: string,
  settings: CallSettings,
): Promise<ServiceDescription> {
  const { metadata: _, ...rest } = settings;
  const answer = await Promise.resolve(backplane.call(service, DESCRIBE, undefined, rest)).catch(
    async (error) => {
      if (!RpcError.is(error)) throw error;
      if (error.code === "NOT_FOUND" && error.executed === "no")
        throw await unknownService(backplane, service);
      throw new RpcError(error.code, error.message.replace(`${service}.${DESCRIBE}`, service), {
        ...error,
        cause: error,
      });
    },
  );
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
    "UNIMPLEMENTED",
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
  return new CliError(
    `no service "${service}" in ${backplane.registry.name}${hint}${empty}`,
    EXIT.failed,
    "NOT_FOUND",
  );
}
