import type { GoNames } from "@skein/core/internal";
import type { CorsOptions } from "./cors.ts";
import type { HttpLimits } from "./limits.ts";

export interface HttpOptions {
  readonly limits?: Partial<HttpLimits> | undefined;
  /** Pages of other origins that may call. @default none */
  readonly cors?: CorsOptions | undefined;
  /** Request headers that travel as metadata, besides traceparent, tracestate, baggage and `x-…`. */
  readonly headers?: readonly string[] | undefined;
  /** Whether `/openapi.json` and `/docs` tell what is served, to whoever asks. @default true */
  readonly docs?: boolean | undefined;
  /**
   * What is called where a Go Micro program says `User.GetUser`; undefined leaves the name to the rule: that and `UserService.GetUser` are
   * `user`'s `getUser`. Asked once a name.
   */
  readonly names?: GoNames | undefined;
}

const KNOWN = ["limits", "cors", "headers", "docs", "names"];
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** Undefined, or what is wrong and what would be right. */
export function httpOptionsFault(options: HttpOptions, limits: HttpLimits): string | undefined {
  const odd = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (odd !== undefined) return `httpDoor: no option ${odd}: there are ${KNOWN.join(", ")}`;
  for (const [name, value] of Object.entries(options.limits ?? {})) {
    if (!(name in limits))
      return `httpDoor: limits.${name} is not known: there are ${Object.keys(limits).join(", ")}`;
    if (value !== undefined && !(typeof value === "number" && value > 0))
      return `httpDoor: limits.${name} is ${String(value)}: give a number above 0`;
  }
  const name = options.headers?.find((header) => typeof header !== "string" || !TOKEN.test(header));
  if (name !== undefined) return `httpDoor: headers has ${JSON.stringify(name)}: give names of headers`;
  if (options.names !== undefined && typeof options.names !== "function")
    return `httpDoor: names is a ${typeof options.names}: give a function`;
  if (options.cors !== undefined && !Array.isArray(options.cors.origins))
    return `httpDoor: cors.origins is ${String(options.cors.origins)}: give an array of origins`;
  const origin = options.cors?.origins.find((given) => given !== "*" && !isOrigin(given));
  if (origin !== undefined)
    return `httpDoor: cors.origins has ${JSON.stringify(origin)}: give origins such as "https://app.example", or "*"`;
  return undefined;
}

function isOrigin(text: string): boolean {
  try {
    return new URL(text).origin === text;
  } catch {
    return false;
  }
}
