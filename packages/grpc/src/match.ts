/** HTTP/2's connection preface (RFC 9113, 3.4): what every gRPC client sends first. */
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** So many bytes of it no other protocol has; the rest is node:http2's to check. */
const ENOUGH = 14;

/** Whether a connection's first bytes are the beginning of HTTP/2 without upgrade. */
export function matchHttp2(first: Uint8Array): "yes" | "no" | "more" {
  const length = Math.min(ENOUGH, first.length);
  for (let i = 0; i < length; i++) if (first[i] !== PREFACE[i]) return "no";
  return length === ENOUGH ? "yes" : "more";
}
