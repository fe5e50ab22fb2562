import { networkInterfaces } from "node:os";

/** The IPv4 addresses of this machine, one an interface, loopback among them. */
export function localAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((all) => {
    const first = all?.find((a) => a.family === "IPv4");
    return first === undefined ? [] : [first.address];
  });
}

/** Whether an address is one of this machine's. */
export function isLocalAddress(address: string): boolean {
  return Object.values(networkInterfaces()).some((all) => all?.some((a) => a.address === address) === true);
}
