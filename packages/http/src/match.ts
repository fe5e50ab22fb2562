/** Request methods of HTTP/1.1 (RFC 9110, 9.1; PATCH, RFC 5789), each with the space that follows. */
const METHODS = ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH "].map(
  (method) => new TextEncoder().encode(method),
);

const CONNECT = METHODS.find((method) => method[0] === 0x43);
const SLASH = 0x2f;

/** Whether a connection's first bytes are the beginning of an HTTP/1.x request line. */
export function matchHttp(first: Uint8Array): "yes" | "no" | "more" {
  let more = false;
  for (const method of METHODS) {
    const length = Math.min(method.length, first.length);
    if (!method.subarray(0, length).every((byte, i) => byte === first[i])) continue;
    if (length < method.length) more = true;
    else if (method !== CONNECT) return "yes";
    else if (first.length === length) more = true;
    // What CONNECT names is a host, never a path: that is Go's rpc.DialHTTP, which speaks gob behind it.
    else return first[length] === SLASH ? "no" : "yes";
  }
  return more ? "more" : "no";
}
