import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

/** Certificates and keys in PEM, by node:tls's names. */
export interface JsonrpcTlsOptions {
  /** Whom to believe. @default the authorities that Node knows */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** Ours, for servers that ask for one. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** Whose certificate it must be. @default the host of the address */
  readonly servername?: string | undefined;
}

/** Where a server of net/rpc listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
  /** The address itself asks for TLS. */
  readonly secure: boolean;
}

/** Of `tcp://10.0.0.1:8080`, `jsonrpc://[::1]:8080`; `tls://` and `jsonrpcs://` ask for TLS. @throws Error that names what it got */
export function serverAddress(url: string): ServerAddress {
  const [, scheme = "", host = "", port = ""] =
    /^([a-z+]+):\/\/(\[[0-9a-f:.%]+\]|[^/:@?#[\]]+):(\d+)\/?$/i.exec(url) ?? [];
  if (host === "") throw new Error(`its address is ${url}, and net/rpc is dialled at host:port`);
  return {
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    secure: /^(?:tls|jsonrpcs)$/i.test(scheme),
  };
}

/**
 * Connects; over TLS where the address or the options ask for it.
 * @param onReady what is written then is read by the server
 */
export function dialServer(
  { host, port, secure }: ServerAddress,
  tls: JsonrpcTlsOptions | undefined,
  onReady: () => void,
): Socket {
  if (tls === undefined && !secure) return connect({ host, port, noDelay: true }, onReady);
  return connectTls({ host, port, ...tlsOptions(host, tls ?? {}) }, onReady).setNoDelay(true);
}

/** No ALPN: Go's tls.Dial offers none either, and the server knows us by our first byte. */
function tlsOptions(host: string, { ca, cert, key, servername }: JsonrpcTlsOptions): ConnectionOptions {
  // A server name indication is never an IP address (RFC 6066); the certificate is checked against the host all the same.
  const name = servername ?? (/^[\d.]+$|:/.test(host) ? undefined : host);
  return {
    ...(ca !== undefined && { ca: typeof ca === "string" || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(name !== undefined && { servername: name }),
  };
}
