import { createHash } from "node:crypto";
import type { ServiceDescription } from "@skein/core";
import { DOCS_SCRIPT, DOCS_STYLE, docsHtml } from "./docs-page.ts";
import { openApi } from "./openapi.ts";

export interface Page {
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

export interface Pages {
  /** Undefined: no page has this path. */
  find(path: string): (() => Page) | undefined;
}

/** What there is to read about the services. */
export function createPages(services: () => readonly ServiceDescription[], enabled: boolean): Pages {
  const pages = new Map<string, () => Page>();
  if (enabled) {
    pages.set("/openapi.json", () => ({ headers: {}, text: `${JSON.stringify(openApi(services()))}\n` }));
    const docs = { headers: docsHeaders(), text: docsHtml() };
    pages.set("/docs", () => docs);
  }
  return { find: (path) => pages.get(path) };
}

/** Nothing but what stands in the page runs, and nothing is loaded from elsewhere. */
function docsHeaders(): Readonly<Record<string, string>> {
  const hash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${hash(DOCS_SCRIPT)}`,
    `style-src ${hash(DOCS_STYLE)}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return { "content-type": "text/html; charset=utf-8", "content-security-policy": policy.join("; ") };
}
