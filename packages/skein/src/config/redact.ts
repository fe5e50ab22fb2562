const SECRET_NAMES =
  "authorization|password|passwd|pwd|token|secret|cookie|credentials?|api[-_]?key|private[-_]?key|access[-_]?key|signature|sig";
/**
 * Anything between `//` and the last @ before white space. No secrets: versions in static lists (`user@1.2.0=…`), and what follows three slashes, a
 * path without a host (`file:///…/node_modules/@skein/core`).
 */
const USERINFO = /(?<!\bstatic:|\/)(\/\/)(?!\/)[^\s"'<>]*@/gi;
const PARAMETER = new RegExp(`([?&#;]\\s*[\\w.-]*(?:${SECRET_NAMES})[\\w.-]*=)[^&#;\\s"'<>]*`, "gi");
const BEARER = /\b(bearer|basic)\s+[\w.~+/=-]{4,}/gi;

/** Takes credentials out of a URL, or of a text with URLs in it: userinfo, secret query parameters, bearer tokens. */
export function redactUrl(text: string): string {
  // The three patterns need one of these characters: most texts have none.
  if (!/[@=]|bearer|basic/i.test(text)) return text;
  return text.replace(USERINFO, "$1***@").replace(PARAMETER, "$1***").replace(BEARER, "$1 ***");
}
