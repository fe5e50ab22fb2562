import type { IncomingHttpHeaders } from "node:http2";
import type { Metadata } from "@skein/core";

/** Of the protocol, or told another way. */
const NOT_METADATA = new Set([
  "te",
  "content-type",
  "content-length",
  "user-agent",
  "authorization",
  "host",
  "accept-encoding",
]);

/** A call's metadata as handlers see it: text, binary values (`…-bin`) in their base64. Undefined without any. */
export function metadataOf(headers: IncomingHttpHeaders): Metadata | undefined {
  let metadata: Record<string, string> | undefined;
  for (const name of Object.keys(headers)) {
    if (name.startsWith(":") || name.startsWith("grpc-") || NOT_METADATA.has(name)) continue;
    const value = headers[name];
    metadata ??= {};
    metadata[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  }
  return metadata;
}

/** The header `authorization`, without `Bearer `; other schemes stay as they are. */
export function credentialsOf({ authorization }: IncomingHttpHeaders): string | undefined {
  if (authorization === undefined || authorization === "") return undefined;
  return authorization.replace(/^bearer +/i, "");
}
