import type { Code } from "@skein/core";

export interface RefusalOptions {
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly details?: unknown;
}

/** What the door itself refuses, before anything was called. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly code: Code;
  readonly headers: Readonly<Record<string, string>>;
  readonly details: unknown;

  constructor(status: number, code: Code, message: string, options: RefusalOptions = {}) {
    super(message);
    this.name = "HttpRefusal";
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
    this.details = options.details;
  }
}
