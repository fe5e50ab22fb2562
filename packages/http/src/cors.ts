import type { IncomingHttpHeaders } from "node:http";
import { HttpRefusal } from "./refusal.ts";
import { isMetadata } from "./request-options.ts";

export interface CorsOptions {
  /** Pages that may call: `https://app.example`, or `*` for all. */
  readonly origins: readonly string[];
  /** For how long a browser may remember the answer to its question, in seconds. @default 600 */
  readonly maxAgeS?: number | undefined;
}

type Headers = Readonly<Record<string, string>>;

const REMEMBERED_S = 600;
const REQUEST_HEADERS = ["content-type", "accept", "authorization", "timeout"];

/**
 * Headers for a page of another origin. Undefined without `Origin`, or of the same origin.
 * @throws HttpRefusal 403 for a page of an origin that may not call
 */
export function corsHeaders(
  headers: IncomingHttpHeaders,
  cors: CorsOptions | undefined,
): Headers | undefined {
  const { origin } = headers;
  if (origin === undefined) return undefined;
  const any = cors?.origins.includes("*") === true;
  if (any || cors?.origins.includes(origin) === true)
    return {
      "access-control-allow-origin": any ? "*" : origin,
      "access-control-expose-headers": "retry-after",
      ...(!any && { vary: "origin" }),
    };
  if (hostOf(origin) === headers.host?.toLowerCase()) return undefined;
  throw new HttpRefusal(
    403,
    "PERMISSION_DENIED",
    `pages of ${JSON.stringify(origin.slice(0, 100))} may not call: name the origin in the door's option cors.origins`,
  );
}

/**
 * Images and links of any page make a browser ask with GET, and without `Origin`: it says then where they come from.
 * @throws HttpRefusal 403
 */
export function refuseUnasked(headers: IncomingHttpHeaders, cors: CorsOptions | undefined): void {
  const site = headers["sec-fetch-site"];
  if (headers.origin !== undefined || cors?.origins.includes("*") === true) return;
  if (site === "cross-site" || site === "same-site")
    throw new HttpRefusal(
      403,
      "PERMISSION_DENIED",
      "a page of another origin may not call without saying so",
    );
}

/** What a browser is told that asks before it calls. */
export function preflightHeaders(
  headers: IncomingHttpHeaders,
  cors: CorsOptions | undefined,
  metadata: readonly string[],
): Headers {
  const allowed = corsHeaders(headers, cors);
  if (allowed === undefined) return { allow: "GET, POST, OPTIONS" };
  const asked = (headers["access-control-request-headers"] ?? "").toLowerCase().split(",");
  const granted = asked
    .map((name) => name.trim())
    .filter((name) => /^[\w-]+$/.test(name))
    .filter((name) => REQUEST_HEADERS.includes(name) || isMetadata(name, metadata));
  return {
    ...allowed,
    "access-control-allow-methods": "GET, POST",
    ...(granted.length > 0 && { "access-control-allow-headers": granted.join(", ") }),
    "access-control-max-age": String(cors?.maxAgeS ?? REMEMBERED_S),
  };
}

function hostOf(origin: string): string | undefined {
  try {
    return new URL(origin).host;
  } catch {
    return undefined;
  }
}
