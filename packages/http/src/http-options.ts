import { fillNumbers, type GoNames, refuseUnknown } from "@skein/core/internal";
import type { CorsOptions } from "./cors.ts";
import { DEFAULT_CALL_LIMITS, type HttpLimits } from "./limits.ts";

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

/**
 * Checks them.
 * @returns the limits, filled in
 * @throws TypeError that says what is wrong and what would be right
 */
export function resolveHttpOptions(options: HttpOptions): HttpLimits {
  refuseUnknown("httpDoor", options, KNOWN);
  const limits = fillNumbers("httpDoor: limits", DEFAULT_CALL_LIMITS, options.limits);
  const fault = faultOf(options);
  if (fault !== undefined) throw new TypeError(fault);
  return limits;
}

function faultOf(options: HttpOptions): string | undefined {
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
