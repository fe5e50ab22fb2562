import { loggerOf } from "skein/internal";
import type { CommonFlags } from "../command.ts";
import { CliError, EXIT, type ExitCode } from "../exit.ts";
import type { CliIo } from "../io.ts";
import { toJson } from "../json.ts";
import { paintFor } from "../paint.ts";
import { printable } from "../text.ts";
import { aborted, terminations } from "./registry.ts";

export const GATEWAY_LISTEN = "127.0.0.1:8080";
/** For calls that run when it is told to end. */
const GRACE_MS = 10_000;

export interface GatewayFlags extends CommonFlags {
  readonly listen: string;
  readonly service?: readonly string[];
  readonly cors?: readonly string[];
}

/** Serves HTTP/JSON for the services of a registry until SIGTERM (exit code 0) or Ctrl-C (130); both finish what runs. */
export async function gateway(io: CliIo, flags: GatewayFlags): Promise<ExitCode> {
  const { runGateway } = await import("../gateway/run-gateway.ts");
  const terminated = terminations();
  const running = await runGateway({
    env: io.env,
    registry: flags.registry,
    namespace: flags.namespace,
    listen: flags.listen,
    services: flags.service,
    origins: flags.cors,
    credentials: credentialsOf(io.env),
    logger: loggerOf("info", 2),
  });
  await io.stdout.write(`${announced(io, flags, running)}\n`);
  await aborted(io.interrupted, terminated);
  await running.close(GRACE_MS);
  return terminated.aborted ? EXIT.ok : EXIT.interrupted;
}

function credentialsOf({ SKEIN_GATEWAY_TOKEN: token }: CliIo["env"]): string | undefined {
  if (token === undefined || token === "") return undefined;
  if (!/^[\x20-\x7e]+$/.test(token))
    throw new CliError("SKEIN_GATEWAY_TOKEN has a character that is not printable ASCII.", EXIT.usage);
  return token;
}

function announced(
  io: CliIo,
  { json, service }: GatewayFlags,
  { url, registry }: { readonly url: string; readonly registry: string },
): string {
  if (json === true) return toJson({ listening: url, registry, services: service });
  const paint = paintFor(io.stdout, io.env);
  const what = service === undefined ? "all services" : service.join(", ");
  return [
    printable(`gateway listening on ${url}; ${what} of ${registry}; Ctrl-C ends`),
    paint("dim", `calls: POST ${url}/service/method; what there is: ${url}/docs`),
  ].join("\n");
}
