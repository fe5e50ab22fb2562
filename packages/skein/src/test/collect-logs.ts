import type { Logger } from "@skein/core";
import { loggerTo } from "@skein/core/testing";

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/** A logger that keeps its lines. */
export function collectLogs(): {
  readonly logger: Logger;
  readonly lines: Line[];
  find(part: string): Line | undefined;
} {
  const lines: Line[] = [];
  const logger = loggerTo((level, message, fields) => void lines.push({ ...fields, level, message }));
  return { logger, lines, find: (part) => lines.find(({ message }) => message.includes(part)) };
}
