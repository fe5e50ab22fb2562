const PREFIX = "static:";

/** The id of an instance that was written down by hand: whoever serves the service at the address is meant, so HELLO does not ask for an instance. */
export function staticId(address: string): string {
  return `${PREFIX}${address}`;
}

export function isStaticId(id: string): boolean {
  return id.startsWith(PREFIX);
}
