// Its functions change with dns.setServers(): named imports would not.
import dns from "node:dns";
import { isIP } from "node:net";
import { type Clock, RpcError } from "@skein/core";

/** Where a DNS server listens. */
export interface DnsServer {
  /** An IP address, or a name. */
  readonly host: string;
  readonly port: number;
  /** For errors: `127.0.0.1:8600`. */
  readonly shown: string;
}

const DNS_PORT = 53;

/** `127.0.0.1`, `127.0.0.1:8600`, `[::1]:53`, `::1` or `consul:8600`; undefined for what is none. */
export function parseServer(text: string): DnsServer | undefined {
  if (isIP(text) === 6) return { host: text, port: DNS_PORT, shown: `[${text}]:${DNS_PORT}` };
  const [, bracketed, plain, port = String(DNS_PORT)] =
    /^(?:\[([^\]]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || (bracketed !== undefined && isIP(bracketed) !== 6)) return undefined;
  if (Number(port) < 1 || Number(port) > 65_535) return undefined;
  return {
    host,
    port: Number(port),
    shown: bracketed === undefined ? `${host}:${port}` : `[${host}]:${port}`,
  };
}

/** Those of /etc/resolv.conf, or what else the system knows. */
export function systemServers(): readonly DnsServer[] {
  return dns.getServers().flatMap((text) => parseServer(text) ?? []);
}

/**
 * A server's IP address, looked up anew each time it is named by a name. Rejects with UNAVAILABLE.
 * @param timeoutMs of the look-up
 */
export async function addressOf(
  server: DnsServer,
  {
    clock,
    timeoutMs,
    signal,
  }: { readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<string> {
  if (isIP(server.host) !== 0) return server.host;
  if (server.host === "localhost") return "127.0.0.1";
  signal.throwIfAborted();
  const resolver = new dns.promises.Resolver({ timeout: timeoutMs, tries: 1 });
  resolver.setServers(dns.getServers());
  // Its own timeout is of one server; all of them are given no longer.
  const cancel = (): void => resolver.cancel();
  const timer = clock.setTimer(timeoutMs, cancel);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const [address] = await resolver.resolve4(server.host);
    if (address !== undefined) return address;
    throw new Error("it has no address");
  } catch (cause) {
    const { code, message } = cause as { code?: string; message: string };
    const because = code === "ECANCELLED" ? "ETIMEOUT" : (code ?? message);
    throw new RpcError("UNAVAILABLE", `the name ${server.host} cannot be resolved (${because})`, { cause });
  } finally {
    timer.cancel();
    signal.removeEventListener("abort", cancel);
  }
}
