/** Request methods of HTTP/1.1 (RFC 9110, 9.1; PATCH, RFC 5789), each with the space that follows. */
const METHODS = ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "].map(
  (method) => new TextEncoder().encode(method),
);

/** Whether a connection's first bytes are the beginning of an HTTP/1.x request line. */
export function matchHttp(first: Uint8Array): "yes" | "no" | "more" {
  let more = false;
  for (const method of METHODS) {
    const length = Math.min(method.length, first.length);
    if (!method.subarray(0, length).every((byte, i) => byte === first[i])) continue;
    if (length === method.length) return "yes";
    more = true;
  }
  return more ? "more" : "no";
}
