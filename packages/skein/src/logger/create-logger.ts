import { isatty } from "node:tty";
import type { Logger } from "@skein/core";
import { type DestinationStream, pino, stdTimeFunctions } from "pino";
import { requireFromApp } from "../import-from-app.ts";
import type { LogLevel } from "./levels.ts";
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
  const stream =
    typeof destination === "number"
      ? (prettyStream(destination) ?? pino.destination({ dest: destination, sync: true }))
      : destination;
  const target = pino(
    { level, timestamp: stdTimeFunctions.isoTime, formatters: { level: (label) => ({ level: label }) } },
    stream,
  );
  return safeLogger(target as unknown as Logger, (l) => target.isLevelEnabled(l));
}

/** The part of pino-pretty that is used. */
type Pretty = (options: {
  colorize: boolean;
  destination: number;
  sync: true;
  translateTime: string;
  ignore: string;
}) => DestinationStream;

function prettyStream(descriptor: number): DestinationStream | undefined {
  if (!isatty(descriptor)) return undefined;
  const pretty = requireFromApp("pino-pretty") as Pretty | undefined;
  return pretty?.({
    colorize: process.env.NO_COLOR === undefined || process.env.NO_COLOR === "",
    destination: descriptor,
    sync: true,
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "pid,hostname",
  });
}
