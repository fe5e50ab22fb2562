/** `\xf5SKEIN\r\n`: the first bytes of either side on a byte stream. No HTTP, no TLS, no JSON begins so, and a changed line ending shows. */
export const PREFACE: Uint8Array = Uint8Array.of(0xf5, 0x53, 0x4b, 0x45, 0x49, 0x4e, 0x0d, 0x0a);

/** How bytes[0, n) compare with the preface; `more` while they agree and are fewer. */
export function matchPreface(bytes: Uint8Array, n = bytes.length): "yes" | "no" | "more" {
  const most = Math.min(n, PREFACE.length);
  for (let i = 0; i < most; i++) if (bytes[i] !== PREFACE[i]) return "no";
  return most === PREFACE.length ? "yes" : "more";
}
