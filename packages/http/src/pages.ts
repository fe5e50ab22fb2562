import type { ServiceDescription } from "@skein/core";

export interface Page {
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface Pages {
  /** Undefined: no page has this path. */
  find(path: string): (() => Page) | undefined;
}

/** What there is to read about the services. */
export function createPages(_services: () => readonly ServiceDescription[], _enabled: boolean): Pages {
  return { find: () => undefined };
}
