import type { Logger } from "@skein/core";

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
  const make = (own: object): Logger => {
    const at = (level: string) => (fields: object, message: string) =>
      void lines.push({ ...own, ...fields, level, message });
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (fields) => make({ ...own, ...fields }),
    };
  };
  return { logger: make({}), lines, find: (part) => lines.find(({ message }) => message.includes(part)) };
}
