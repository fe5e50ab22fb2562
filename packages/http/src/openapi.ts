import { CODES, type EndpointDescription, type ServiceDescription } from "@skein/core";
import { givesStream, takesStream } from "./call-input.ts";
import { embedSchema } from "./json-schema.ts";

type Json = Readonly<Record<string, unknown>>;

const ERROR: Json = {
  type: "object",
  description: "What a call ended with.",
  properties: {
    code: { type: "string", enum: CODES.slice(1) },
    message: { type: "string" },
    type: { type: "string", description: "Name of a typed error; details are its data." },
    details: true,
    id: { type: "string", description: "Under which the server logged it." },
    executed: {
      type: "string",
      enum: ["no", "maybe", "yes"],
      description: "Whether the method ran.",
    },
    retryAfterMs: {
      type: "number",
      description: "Not before that many milliseconds should it be tried again.",
    },
  },
  required: ["code", "message", "executed"],
};

const TIMEOUT: Json = {
  name: "timeout",
  in: "header",
  description: "Time until the deadline: milliseconds, or a time such as 1.5s or 500ms.",
  schema: { type: "string", pattern: "^\\d+(\\.\\d+)?(ms|s|m)?$" },
};

/** What is served, as an OpenAPI 3.1 document. */
export function openApi(services: readonly ServiceDescription[]): Json {
  const schemas: Record<string, unknown> = { Error: ERROR };
  const paths: Record<string, unknown> = {};
  for (const { service, endpoints } of services)
    for (const endpoint of endpoints) {
      const path = `/${service}/${endpoint.name}`;
      // Of several versions in one process, the first: calls by path do not choose.
      if (!endpoint.name.startsWith("$")) paths[path] ??= pathItem(service, endpoint, schemas);
    }
  const versions = [...new Set(services.map(({ version }) => version))];
  return {
    openapi: "3.1.0",
    info: {
      title: services.map(({ service }) => service).join(", ") || "no services",
      version: versions.length === 1 ? versions[0] : "0.0.0",
    },
    servers: [{ url: "/" }],
    tags: [
      ...new Map(
        services.map((s) => [s.service, { name: s.service, description: `version ${s.version}` }]),
      ).values(),
    ],
    paths,
    components: {
      schemas,
      parameters: { timeout: TIMEOUT },
      responses: { Error: { description: "The call failed.", content: jsonOf(ref("Error")) } },
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
    security: [{}, { bearer: [] }],
  };
}

function pathItem(service: string, endpoint: EndpointDescription, schemas: Record<string, unknown>): Json {
  const name = `${service}.${endpoint.name}`;
  const input = named(`${name}.input`, endpoint.input, schemas);
  const output = named(`${name}.output`, endpoint.output, schemas);
  const common = {
    tags: [service],
    description: describe(endpoint),
    responses: { 200: answerOf(endpoint, output), default: { $ref: "#/components/responses/Error" } },
  };
  const timeout = { $ref: "#/components/parameters/timeout" };
  const query = { name: "input", in: "query", content: jsonOf(input) };
  const get = { operationId: `${name}.get`, ...common, parameters: [timeout, query] };
  const post = { operationId: name, ...common, parameters: [timeout], requestBody: bodyOf(endpoint, input) };
  return { post, ...(endpoint.idempotent && !takesStream(endpoint) && { get }) };
}

/** The schema under its name; `true` (anything) where nothing is known of it. */
function named(name: string, schema: unknown, schemas: Record<string, unknown>): unknown {
  const embedded = embedSchema(schema, `#/components/schemas/${name}`);
  if (embedded === undefined) return true;
  schemas[name] = embedded;
  return ref(name);
}

function bodyOf(endpoint: EndpointDescription, input: unknown): Json {
  if (!takesStream(endpoint)) return { required: endpoint.input !== undefined, content: jsonOf(input) };
  return { required: true, description: "A JSON value a line.", content: linesOf(input) };
}

function answerOf(endpoint: EndpointDescription, output: unknown): Json {
  if (!givesStream(endpoint)) return { description: "The answer.", content: jsonOf(output) };
  return {
    description:
      'A JSON value a line, or an event each. An error in the middle is the last line, {"error": …}, or the event "error"; the event "end" is the end.',
    content: { ...linesOf(output), "text/event-stream": { schema: { type: "string" } } },
  };
}

function describe({ kind, idempotent, errors = [] }: EndpointDescription): string {
  return [
    `Kind: ${kind}.`,
    ...(idempotent ? ["Idempotent."] : []),
    ...(errors.length > 0 ? [`Typed errors: ${errors.join(", ")}.`] : []),
  ].join(" ");
}

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const jsonOf = (schema: unknown): Json => ({ "application/json": { schema } });
const linesOf = (schema: unknown): Json => ({ "application/x-ndjson": { schema } });
