import type { Logger } from "../runtime.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** A logger that hands each line on. @param own fields that each of its lines has, as those of a child */
export function loggerTo(
  line: (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void,
  own: object = {},
): Logger {
  const at = (level: LogLevel) => (fields: object, message: string) =>
    line(level, message, { ...own, ...fields });
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => loggerTo(line, { ...own, ...fields }),
  };
}
