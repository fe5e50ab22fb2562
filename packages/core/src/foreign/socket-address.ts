/** A peer by its socket's address, as logs and `ctx.peer` have it: `10.0.0.1:4711`, `[::1]:4711`; `unix` where it has none. */
export function socketAddress({
  remoteAddress: host,
  remotePort: port,
}: {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}): string {
  if (host === undefined) return "unix";
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
