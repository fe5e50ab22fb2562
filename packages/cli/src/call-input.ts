import { CliError, EXIT } from "./exit.ts";
import { type CliIo, readStdin } from "./io.ts";
import { parseJson } from "./json.ts";

/** What the person gave as input: JSON, `@file`, `-` for the standard input, or nothing. */
export type InputArgument = string | undefined;

/** One value, for unary calls and server streams. */
export async function readOneInput(io: CliIo, argument: InputArgument): Promise<unknown> {
  if (argument === undefined) return undefined;
  if (argument === "-") return parseJson(await readStdin(io), "the standard input");
  if (argument.startsWith("@"))
    return parseJson(await readInputFile(io, argument.slice(1)), argument.slice(1));
  return parseJson(argument, "the input");
}

/** Items, for client and bidirectional streams: a JSON array, or JSON lines from a file or, as they come, the standard input. */
export async function readInputItems(io: CliIo, argument: InputArgument): Promise<AsyncIterable<unknown>> {
  if (argument === "-") return parseLines(io.stdinLines(), "the standard input");
  if (argument?.startsWith("@")) {
    const text = await readInputFile(io, argument.slice(1));
    if (text.trimStart().startsWith("[")) return itemsOf(parseJson(text, argument.slice(1)));
    return parseLines(text.split("\n"), argument.slice(1));
  }
  if (argument === undefined)
    throw new CliError(
      "this method takes a stream: give a JSON array, @file, or - for a JSON value a line",
      EXIT.usage,
    );
  return itemsOf(parseJson(argument, "the input"));
}

async function readInputFile(io: CliIo, path: string): Promise<string> {
  try {
    return await io.readFile(path);
  } catch (error) {
    throw new CliError(
      `${path} cannot be read: ${error instanceof Error ? error.message : error}`,
      EXIT.usage,
    );
  }
}

async function* itemsOf(value: unknown): AsyncGenerator<unknown> {
  if (!Array.isArray(value))
    throw new CliError("this method takes a stream: give a JSON array of its items", EXIT.usage);
  yield* value;
}

async function* parseLines(
  lines: AsyncIterable<string> | Iterable<string>,
  what: string,
): AsyncGenerator<unknown> {
  let number = 0;
  for await (const line of lines) {
    number++;
    if (line.trim() !== "") yield parseJson(line, `line ${number} of ${what}`);
  }
}
