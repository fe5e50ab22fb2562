import type { Logger } from "skein";
import { loggerOf, nodeRuntime } from "skein/internal";
import { CliError, EXIT, type ExitCode } from "../exit.ts";
import type { CliIo } from "../io.ts";
import { toJson } from "../json.ts";
import { paintFor } from "../paint.ts";
import { printable } from "../text.ts";

export const LISTEN = "127.0.0.1:8800";

export interface RegistryFlags {
  readonly listen: string;
  readonly token?: string;
  readonly data?: string;
  readonly json?: true;
}

/** As startCentre() of @skein/registry/centre. */
export type StartCentre = (options: {
  readonly runtime: typeof nodeRuntime;
  readonly logger: Logger;
  readonly listen: string;
  readonly token?: string | undefined;
  readonly dataFile?: string | undefined;
}) => Promise<{ readonly url: string; close(): Promise<void> }>;

/** What a registry that serves needs of the process. */
export interface RegistryPorts {
  readonly start: StartCentre;
  /** Aborts at SIGTERM. */
  readonly terminated: AbortSignal;
}

/** Serves an HTTP registry until SIGTERM (exit code 0) or Ctrl-C (130); both write the snapshot first. */
export async function registry(io: CliIo, flags: RegistryFlags, ports?: RegistryPorts): Promise<ExitCode> {
  const token = tokenOf(flags, io.env);
  const { start, terminated } = ports ?? {
    start: (await import("@skein/registry/centre")).startCentre,
    terminated: terminations(),
  };
  const logger = loggerOf("info", 2);
  const centre = await start({
    ...{ runtime: nodeRuntime, logger, listen: flags.listen, token },
    dataFile: flags.data,
  });
  await io.stdout.write(`${announced(io, flags, centre.url, token !== undefined)}\n`);
  await aborted(io.interrupted, terminated);
  await centre.close();
  return terminated.aborted ? EXIT.ok : EXIT.interrupted;
}

function tokenOf({ token = "" }: RegistryFlags, env: CliIo["env"]): string | undefined {
  const given = token || env.SKEIN_REGISTRY_TOKEN || undefined;
  if (given !== undefined && !/^[\x21-\x7e]+$/.test(given))
    throw new CliError("The token has a space, a control character or one that is not ASCII.", EXIT.usage);
  return given;
}

function announced(io: CliIo, flags: RegistryFlags, url: string, guarded: boolean): string {
  if (flags.json === true) return toJson({ listening: url, token: guarded, data: flags.data });
  const paint = paintFor(io.stdout, io.env);
  const kept =
    flags.data === undefined ? "state in memory only (--data FILE keeps it)" : `state in ${flags.data}`;
  const found = url
    .replace(/\/\/(0\.0\.0\.0|\[::\])(?=:)/, "//HOST")
    .replace("//", guarded ? "//TOKEN@" : "//");
  return [
    printable(`registry listening on ${url}; ${kept}; Ctrl-C ends`),
    paint("dim", `services and clients: SKEIN_REGISTRY=${found}`),
  ].join("\n");
}

/** Resolves with the first of them. */
export function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals)
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Aborts at SIGTERM. Once only: a second one does not wait for anything to end. */
export function terminations(): AbortSignal {
  const controller = new AbortController();
  process.once("SIGTERM", () => controller.abort());
  return controller.signal;
}
