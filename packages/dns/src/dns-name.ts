const MOST_NAME = 253;
const LABEL = /^[!-~]{1,63}$/;

/** As it is compared: DNS does not tell capitals from small letters, and names may end with a dot. */
export function foldName(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}

/** Undefined, or why a name cannot be asked for. */
export function dnsNameFault(name: string): string | undefined {
  if (name.length > MOST_NAME)
    return `"${name.slice(0, 80)}…" is ${name.length} characters long: DNS takes ${MOST_NAME}`;
  const odd = name.split(".").find((label) => !LABEL.test(label));
  if (odd === undefined) return undefined;
  return `"${name}" is no DNS name: its part "${odd}" is not 1 to 63 characters of ASCII without spaces`;
}

/** Whether a name is `zone` or within it. */
export function isWithin(name: string, zone: string): boolean {
  const folded = foldName(name);
  return folded === zone || folded.endsWith(`.${zone}`);
}

/**
 * The service that a name without `{service}` means: `user` of `user.service.consul`, `v1.user.service.consul`, `_user._tcp.service.consul`,
 * `user.default.svc.cluster.local`, `_skein._tcp.user.default.svc.cluster.local` and `_user._tcp.example.org`.
 */
export function serviceOfName(name: string): string {
  const labels = name.split(".");
  const plain = (n: number): string => (labels[n] ?? "").replace(/^_/, "");
  const protocol = labels[1]?.startsWith("_") === true;
  const service = isWithin(name, "consul") ? labels.indexOf("service") : -1;
  if (service > 0) return plain(protocol ? 0 : service - 1);
  const named = labels.includes("svc") || labels[0] === "_skein";
  return plain(protocol && named ? 2 : 0);
}
