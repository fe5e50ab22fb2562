import type { ServiceSummary } from "skein";
import type { Session } from "../command.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { toJson } from "../json.ts";
import { type Column, formatTable } from "../table.ts";

const COLUMNS: readonly Column<ServiceSummary>[] = [
  { title: "SERVICE", cell: (row) => row.name, style: () => "bold" },
  { title: "VERSIONS", cell: (row) => row.versions.join(", ") },
  { title: "INSTANCES", cell: (row) => String(row.instances), align: "right" },
];

/** The services of a registry, and which registry that is. */
export async function list({ io, backplane, paint, json }: Session): Promise<ExitCode> {
  const services = await backplane.registry.list();
  if (json) {
    await io.stdout.write(`${toJson({ registry: backplane.registry.name, services })}\n`);
    return EXIT.ok;
  }
  await io.stdout.write(`${paint("dim", `registry ${backplane.registry.name}`)}\n`);
  if (services.length === 0) await io.stdout.write("no services\n");
  else await io.stdout.write(formatTable(services, COLUMNS, paint));
  return EXIT.ok;
}
