import { isatty } from "node:tty";
import type { Logger } from "@skein/core";
import { type DestinationStream, pino, stdTimeFunctions } from "pino";
import type { LogLevel } from "./levels.ts";
import { openPretty } from "./pretty.ts";
import { safeLogger } from "./safe-logger.ts";

export interface LoggerOptions {
  /** @default "info" */
  readonly level?: LogLevel | undefined;
  /** A file descriptor (1 is standard output, 2 standard error), or what takes lines. @default 1 */
  readonly destination?: number | DestinationStream | undefined;
}

/**
 * A line of JSON an event, by pino; made for reading where the output is a terminal and `pino-pretty` is installed. Written at once: nothing
 * is lost when the process ends. No control character, credential or field over 1 KiB comes through.
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = "info", destination = 1 } = options;
  const stream = typeof destination === "number" ? openDescriptor(destination) : destination;
  const target = pino(
    { level, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    stream,
  );
  return safeLogger(target as unknown as Logger, (l) => target.isLevelEnabled(l));
}

function openDescriptor(descriptor: number): DestinationStream {
  const { NO_COLOR } = process.env;
  const colorize = NO_COLOR === undefined || NO_COLOR === "";
  const pretty = isatty(descriptor) ? openPretty(descriptor, colorize) : undefined;
  return pretty ?? pino.destination({ dest: descriptor, sync: true });
}
