import type { ConnectionOptions, SecureContextOptions, TlsOptions } from "node:tls";
import type { SocketAddress } from "./address.ts";
import { HANDSHAKE_MS } from "./limits.ts";

/** Certificates and keys in PEM; TLS 1.3 only. The names are node:tls's. */
export interface TlsSettings {
  /** Ours, shown to the other side: required to listen; to dial, where the server asks for one. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** Who may have signed the other side's certificate. @default the system's authorities */
  readonly ca?: string | Buffer | (string | Buffer)[] | undefined;
  /** Listening: refuse clients without a certificate of `ca`. @default false */
  readonly requestCert?: boolean | undefined;
  /** Dialling: the name that the server's certificate must have. @default the host dialled */
  readonly servername?: string | undefined;
}

const ALPN = "skein/1";

function pem(tls: TlsSettings): SecureContextOptions {
  return {
    minVersion: "TLSv1.3",
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.ca !== undefined && { ca: tls.ca }),
  };
}

export function clientTls(tls: TlsSettings, target: SocketAddress): ConnectionOptions {
  const host = target.kind === "tcp" ? target.host : undefined;
  // A server name indication is never an IP address (RFC 6066); the certificate is checked against `host` all the same.
  const name = tls.servername ?? (host !== undefined && !/^[\d.]+$|:/.test(host) ? host : undefined);
  return { ...pem(tls), ALPNProtocols: [ALPN], ...(name !== undefined && { servername: name }) };
}

export function serverTls(tls: TlsSettings): TlsOptions {
  return {
    ...pem(tls),
    // HTTP as well: health checks come through a door of the same port. HTTP/2 comes last: who offers both gets
    // HTTP/1.1; gRPC offers nothing else.
    ALPNProtocols: [ALPN, "http/1.1", "h2"],
    requestCert: tls.requestCert === true,
    rejectUnauthorized: tls.requestCert === true,
    handshakeTimeout: HANDSHAKE_MS,
  };
}
