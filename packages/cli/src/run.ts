import { CommanderError } from "commander";
import type { OpenBackplane } from "./backplane.ts";
import { CliError, EXIT, type ExitCode, errorDocument, errorText } from "./exit.ts";
import type { CliIo } from "./io.ts";
import { toJson } from "./json.ts";
import { paintFor } from "./paint.ts";
import { createProgram } from "./program.ts";

/** Runs `skein` with the arguments after its name; never throws. */
export async function runCli(
  argv: readonly string[],
  io: CliIo,
  { open, version }: { readonly open: OpenBackplane; readonly version: string },
): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  const onExit = (code: ExitCode): void => {
    exitCode = code;
  };
  try {
    await createProgram({ io, open, version, onExit }).parseAsync([...argv], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    if (io.interrupted.aborted) return EXIT.interrupted;
    const text = argv.includes("--json")
      ? toJson(errorDocument(error))
      : paintFor(io.stderr, io.env)("red", errorText(error));
    await io.stderr.write(`${text}\n`);
    return error instanceof CliError ? error.exitCode : EXIT.failed;
  }
}
