import type { Logger } from "@skein/core";
import { sanitizeFields, sanitizeText } from "./sanitize.ts";

type Level = "debug" | "info" | "warn" | "error";

/**
 * Lets nothing through to `target` that a log must not hold: control characters, credentials, endless fields.
 * @param enabled false: the line would not be written; nothing is done for it
 */
export function safeLogger(target: Logger, enabled: (level: Level) => boolean = () => true): Logger {
  const at =
    (level: Level) =>
    (fields: object, message: string): void => {
      if (enabled(level)) target[level](sanitizeFields(fields), sanitizeText(message));
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => safeLogger(target.child({ ...sanitizeFields(fields) }), enabled),
  };
}
