import type { Endpoint, MethodLimits, ServiceDefinition } from "../endpoint.ts";
import type { StandardSchema } from "../schema.ts";

/** What `$describe` answers; shown by `skein describe`. */
export interface ServiceDescription {
  readonly service: string;
  readonly version: string;
  readonly endpoints: readonly EndpointDescription[];
  /** Whether the registry has the instance that answers, as far as that knows. Absent where nobody said. */
  readonly registration?: RegistrationDescription | undefined;
}

export interface RegistrationDescription {
  /** Without credentials. */
  readonly registry: string;
  /** `none`: nothing is to be registered, or the registry is read-only. */
  readonly state: "held" | "lost" | "none";
  /** RFC 3339; while it is held. */
  readonly heldSince?: string | undefined;
}

export interface EndpointDescription {
  readonly name: string;
  readonly kind: string;
  readonly idempotent: boolean;
  readonly timeoutMs: number | null;
  readonly priority: string;
  /** Of each instance. Absent without any. */
  readonly limits?: MethodLimits;
  /** JSON Schema where the schema's library can tell it, else `{ vendor }`. Absent without a schema. */
  readonly input?: unknown;
  readonly output?: unknown;
  /** Names of typed errors. */
  readonly errors?: readonly string[];
}

export function describeService(
  definition: ServiceDefinition,
  registration?: RegistrationDescription,
): ServiceDescription {
  return {
    service: definition.name,
    version: definition.version,
    ...(registration !== undefined && { registration }),
    endpoints: [...definition.endpoints.values()].map(describeEndpoint),
  };
}

function describeEndpoint(endpoint: Endpoint): EndpointDescription {
  const { name, kind, idempotent, timeoutMs, priority, limits, input, output, errors } = endpoint;
  return {
    name,
    kind,
    idempotent,
    timeoutMs: timeoutMs ?? null,
    priority,
    ...(limits !== undefined && { limits }),
    ...(input !== undefined && { input: describeSchema(input, "input") }),
    ...(output !== undefined && { output: describeSchema(output, "output") }),
    ...(errors !== undefined && { errors: [...errors.definitions.keys()] }),
  };
}

/** Standard JSON Schema, where the library has it (zod and arktype do). */
interface JsonSchemaSource {
  readonly jsonSchema?: Record<"input" | "output", (options: { target: string }) => unknown>;
}

function describeSchema(schema: StandardSchema, side: "input" | "output"): unknown {
  const standard = schema["~standard"];
  try {
    const told = (standard as JsonSchemaSource).jsonSchema?.[side]({ target: "draft-2020-12" });
    if (told !== undefined) return JSON.parse(JSON.stringify(told));
  } catch {
    // A schema that has no JSON form (a transform, a Date): its vendor is all there is to say.
  }
  return { vendor: standard.vendor };
}
