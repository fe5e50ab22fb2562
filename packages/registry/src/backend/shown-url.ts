const SECRET = /token|passw|pwd|secret|credential|api.?key/i;

/**
 * A URL's parts as they may be shown: no user, no password, no values of parameters that are secret, unknown, or written in an odd way.
 * @param authority hosts, what is before the @ excluded
 */
export function shownUrl(
  parts: {
    readonly scheme: string;
    readonly user: boolean;
    readonly authority: string;
    readonly path: string;
    readonly query: string;
  },
  known: readonly string[],
): string {
  const { scheme, user, authority, path, query } = parts;
  const shown = query.split("&").map((part) => {
    const equals = part.indexOf("=");
    if (equals < 0) return known.includes(part) ? part : "***";
    const name = part.slice(0, equals);
    return SECRET.test(name) || !known.includes(name) ? `${name}=***` : part;
  });
  const params = query === "" ? "" : `?${shown.join("&")}`;
  return `${scheme}://${user ? "***@" : ""}${shownHosts(authority)}${path}${params}`;
}

/** `root:hunter2`, where the @ and the host were forgotten, has a password for a port. */
export function shownHosts(authority: string): string {
  return authority.replaceAll(/(^|,)([^,:[\]]*):(?!\d{1,5}(?:,|$))[^,]*/g, "$1$2:***");
}
