import type { EndpointDescription, Instance, ServiceDescription } from "skein";
import type { Session } from "../command.ts";
import { fetchDescription, unknownService } from "../description.ts";
import { EXIT, type ExitCode, errorDocument, errorText } from "../exit.ts";
import { addressOf, INSTANCE_STYLE } from "../instances.ts";
import { toJson } from "../json.ts";
import { type Column, formatTable } from "../table.ts";
import { counted, formatAge, formatMs, printable } from "../text.ts";

export interface DescribeOptions {
  /** Semver range: asks one instance of it instead of one of each version. */
  readonly version?: string | undefined;
  readonly timeoutMs?: number | undefined;
}

const ENDPOINTS: readonly Column<EndpointDescription>[] = [
  { title: "METHOD", cell: (row) => row.name, style: () => "bold" },
  { title: "KIND", cell: (row) => row.kind },
  { title: "IDEMPOTENT", cell: (row) => (row.idempotent ? "yes" : "no") },
  { title: "TIMEOUT", cell: (row) => (row.timeoutMs === null ? "-" : formatMs(row.timeoutMs)) },
  { title: "PRIORITY", cell: (row) => row.priority },
];

/** Endpoints (of each version), schemas and instances of a service. */
export async function describe(
  session: Session,
  service: string,
  options: DescribeOptions,
): Promise<ExitCode> {
  const { io, backplane, json } = session;
  const { instances } = await backplane.registry.get(service);
  if (instances.length === 0) throw await unknownService(backplane, service);
  const answers = await askVersions(session, service, instances, options);
  if (json) {
    const versions = answers.map((answer) =>
      "description" in answer
        ? answer.description
        : { version: answer.version, ...errorDocument(answer.failure) },
    );
    await io.stdout.write(`${toJson({ registry: backplane.registry.name, service, versions, instances })}\n`);
  } else {
    const described = answers.flatMap((answer) => ("description" in answer ? [answer.description] : []));
    await io.stdout.write(asText(session, service, described, instances));
    for (const answer of answers)
      if ("failure" in answer)
        await io.stderr.write(`${service} ${answer.version}: ${errorText(answer.failure)}\n`);
  }
  return answers.some((answer) => "failure" in answer) ? EXIT.failed : EXIT.ok;
}

type Answer =
  | { readonly description: ServiceDescription }
  | { readonly version: string; readonly failure: unknown };

/** One answer for each version, or one alone for a range. */
async function askVersions(
  { backplane, io }: Session,
  service: string,
  instances: readonly Instance[],
  { version, timeoutMs }: DescribeOptions,
): Promise<Answer[]> {
  const wanted =
    version === undefined ? [...new Set(instances.map((instance) => instance.version))].sort() : [version];
  return Promise.all(
    wanted.map(async (range) => {
      try {
        const settings = { version: range, timeoutMs, signal: io.interrupted };
        return { description: await fetchDescription(backplane, service, settings) };
      } catch (failure) {
        return { version: range, failure };
      }
    }),
  );
}

function asText(
  { io, backplane, paint }: Session,
  service: string,
  described: readonly ServiceDescription[],
  instances: readonly Instance[],
): string {
  const head = `${paint("bold", printable(service))}  ${paint("dim", `${counted(instances.length, "instance")} in ${backplane.registry.name}`)}\n`;
  const now = io.clock.now();
  const table = formatTable(instances, instanceColumns(now), paint);
  const versions = described.map((version) => {
    const endpoints = formatTable(version.endpoints, ENDPOINTS, paint);
    return `\n${paint("bold", printable(`${service} ${version.version}`))}\n${endpoints}${registered(version, paint)}${schemas(version)}`;
  });
  return head + table + versions.join("");
}

function instanceColumns(now: number): readonly Column<Instance>[] {
  return [
    { title: "ADDRESS", cell: addressOf },
    { title: "VERSION", cell: (row) => row.version },
    { title: "STATUS", cell: (row) => row.status, style: (row) => INSTANCE_STYLE[row.status] },
    { title: "AGE", cell: (row) => formatAge(now - Date.parse(row.startedAt)), align: "right" },
    { title: "ZONE", cell: (row) => row.zone ?? "-" },
    { title: "ID", cell: (row) => row.id },
  ];
}

/** Whether the instance that answered is registered, as far as it knows. */
function registered({ registration }: ServiceDescription, paint: Session["paint"]): string {
  if (registration === undefined || registration.state === "none") return "";
  const { state, heldSince, registry } = registration;
  const since = heldSince === undefined ? "" : ` since ${heldSince}`;
  const text = `registration ${state === "held" ? "held" : "lost: it is being taken again"}${since} in ${registry}`;
  return `${paint(state === "held" ? "dim" : "red", printable(text))}\n`;
}

/** Schemas of the endpoints that have some: one line where it is short. */
function schemas(description: ServiceDescription): string {
  const lines = description.endpoints.flatMap((endpoint) => [
    ...(endpoint.input === undefined ? [] : [schema(endpoint.name, "input", endpoint.input)]),
    ...(endpoint.output === undefined ? [] : [schema(endpoint.name, "output", endpoint.output)]),
    ...(endpoint.errors === undefined ? [] : [`${endpoint.name} errors: ${endpoint.errors.join(", ")}\n`]),
  ]);
  return lines.length === 0 ? "" : `\n${printable(lines.join(""))}`;
}

const ONE_LINE = 100;

function schema(method: string, side: "input" | "output", value: unknown): string {
  const vendor = vendorOf(value);
  if (vendor !== undefined)
    return `${method} ${side}: a ${vendor} schema, which does not tell its JSON form\n`;
  const { $schema: _, ...rest } = value as Record<string, unknown>;
  const short = toJson(rest);
  return `${method} ${side}: ${short.length <= ONE_LINE ? short : toJson(rest, 2)}\n`;
}

function vendorOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return String(value);
  const keys = Object.keys(value);
  return keys.length === 1 && "vendor" in value ? String(value.vendor) : undefined;
}
