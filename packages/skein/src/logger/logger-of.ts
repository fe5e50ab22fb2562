import type { Logger } from "@skein/core";
import { createLogger } from "./create-logger.ts";
import type { LogLevel } from "./levels.ts";
import { safeLogger } from "./safe-logger.ts";

/** A level to a logger on the descriptor; a logger of the user's own to one that lets nothing bad through to it. */
export function loggerOf(log: LogLevel | Logger, descriptor: number): Logger {
  return typeof log === "string" ? createLogger({ level: log, destination: descriptor }) : safeLogger(log);
}
