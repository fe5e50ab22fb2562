import type { CallSettings } from "../backplane.ts";
import { type InputArgument, readInputItems, readOneInput } from "../call-input.ts";
import type { Session } from "../command.ts";
import { fetchDescription, findEndpoint } from "../description.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import { toJson } from "../json.ts";
import { printable } from "../text.ts";

export interface CallOptions {
  readonly timeoutMs?: number | undefined;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** Semver range. */
  readonly version?: string | undefined;
}

/** Calls a method and prints its answer; a stream prints an item a line. */
export async function call(
  session: Session,
  service: string,
  method: string,
  argument: InputArgument,
  options: CallOptions,
): Promise<ExitCode> {
  const { io, backplane } = session;
  const settings: CallSettings = { ...options, signal: io.interrupted };
  const description = await fetchDescription(backplane, service, settings);
  const { kind } = findEndpoint(description, method);
  const streamsIn = kind === "client-stream" || kind === "bidi-stream";
  const input = streamsIn ? await readInputItems(io, argument) : await readOneInput(io, argument);
  const outcome = backplane.call(service, method, input, settings);
  if (kind === "server-stream" || kind === "bidi-stream") {
    for await (const item of outcome) await io.stdout.write(`${lineOf(session, item)}\n`);
    return EXIT.ok;
  }
  const answer = await outcome;
  if (session.json) await io.stdout.write(`${toJson(answer)}\n`);
  else if (answer !== undefined) await io.stdout.write(`${printable(toJson(answer, 2))}\n`);
  return EXIT.ok;
}

function lineOf({ json }: Session, item: unknown): string {
  return json ? toJson(item) : printable(toJson(item));
}
