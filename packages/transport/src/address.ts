/** Where a TCP transport listens or dials: `tcp://host:port` or `unix:/path`. */
export type SocketAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

/** Throws an Error naming the address and what would be right. */
export function parseAddress(address: string): SocketAddress {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(address);
  if (unix !== null) return { kind: "unix", path: unix[1] as string };
  const tcp = /^(?:tcp:\/\/)?(\[[0-9a-fA-F:.%]+\]|[^:/?#\s[\]]+):(\d{1,5})$/.exec(address);
  const port = Number(tcp?.[2]);
  if (tcp === null || port > 65_535)
    throw new Error(`${address} is no address: give tcp://host:port (a port up to 65535) or unix:/path`);
  return { kind: "tcp", host: (tcp[1] as string).replace(/^\[|\]$/g, ""), port };
}

export function formatAddress(address: SocketAddress): string {
  if (address.kind === "unix") return `unix:${address.path}`;
  return `tcp://${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
