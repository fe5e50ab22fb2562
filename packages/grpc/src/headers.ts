import type { IncomingHttpHeaders } from "node:http2";
import { type Metadata, RpcError } from "@skein/core";

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
    if (reserved(name)) continue;
    const value = headers[name];
    metadata ??= {};
    metadata[name] = Array.isArray(value) ? value.join(", ") : (value ?? "");
  }
  return metadata;
}

function reserved(name: string): boolean {
  return name.startsWith(":") || name.startsWith("grpc-") || NOT_METADATA.has(name);
}

/**
 * A caller's metadata as headers, into `headers`: names in small letters; those of the protocol's own are left out.
 * @throws RpcError INVALID_ARGUMENT naming a key that no header can have, or whose value none can carry
 */
export function addMetadata(headers: Record<string, string>, metadata: Metadata): void {
  for (const key of Object.keys(metadata)) {
    const name = key.toLowerCase();
    if (reserved(name)) continue;
    const value = metadata[key] as string;
    if (!/^[0-9a-z_.-]+$/.test(name)) throw unsendable(key, "a name may have letters, digits, _, . and -");
    if (!/^[\x20-\x7e]*$/.test(value))
      throw unsendable(key, "a value is text in ASCII: give bytes in base64 under a name that ends in -bin");
    headers[name] = value;
  }
}

function unsendable(key: string, what: string): RpcError {
  return new RpcError(
    "INVALID_ARGUMENT",
    `the metadata ${JSON.stringify(key.slice(0, 60))} cannot be sent over gRPC: ${what}`,
    { executed: "no" },
  );
}
