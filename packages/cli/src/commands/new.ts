import { newService as addService, Refusal } from "create-skein";
import { CliError, EXIT, type ExitCode } from "../exit.ts";
import type { CliIo } from "../io.ts";

/** Adds a service to the project around the working directory, and says what was written. */
export async function newService(io: CliIo, name: string): Promise<ExitCode> {
  try {
    const { created, changed, byHand } = await addService(name, io.cwd);
    const lines = [
      ...created.map((path) => `created ${path}`),
      ...(changed === undefined ? [] : [`changed ${changed}`]),
    ];
    await io.stdout.write(`${lines.join("\n")}\n`);
    if (byHand.length > 0)
      await io.stderr.write(
        `src/services.ts has no array "services": add by hand\n${byHand.map((line) => `  ${line}\n`).join("")}`,
      );
    return EXIT.ok;
  } catch (error) {
    if (error instanceof Refusal) throw new CliError(error.message, error.exitCode);
    throw error;
  }
}
