import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";

/** Certificates and keys in PEM, by node:tls's names. */
export interface GrpcTlsOptions {
  /** Whom to believe. @default the authorities that Node knows */
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** Ours, for servers that ask for one. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** Whose certificate it must be. @default the host of the address */
  readonly servername?: string | undefined;
}

/** Where a server listens. */
export interface PeerAddress {
  readonly host: string;
  readonly port: number;
  /** Of a Unix socket; else undefined. */
  readonly path: string | undefined;
  /** The address itself asks for TLS. */
  readonly secure: boolean;
  /** For `:authority`. */
  readonly authority: string;
}

const SECURE = new Set(["grpcs", "https", "tls"]);
const HOST_PORT =
  /^(?:(tcp|grpc|grpcs|http|https|tls):\/\/)?(\[[0-9a-f:.%]+\]|[^\s/:@?#[\]]+):(\d{1,5})\/?$/i;

/**
 * Of `grpc://10.0.0.1:50051`, `tcp://…`, `http://…`, a bare `host:port` or `unix:/run/x.sock`; `grpcs://`, `https://` and `tls://` ask for TLS.
 * @throws Error that names what it got
 */
export function peerAddress(url: string): PeerAddress {
  const unix = /^unix:(?:\/\/)?(\/.+)$/.exec(url)?.[1];
  if (unix !== undefined) return { host: "", port: 0, path: unix, secure: false, authority: "localhost" };
  const [, scheme = "", host = "", port = ""] = HOST_PORT.exec(url) ?? [];
  if (host === "" || Number(port) < 1 || Number(port) > 65_535)
    throw new Error(
      `its address is ${url}, and gRPC is dialled at host:port, grpc://host:port or unix:/path`,
    );
  return {
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    path: undefined,
    secure: SECURE.has(scheme.toLowerCase()),
    authority: `${host}:${port}`,
  };
}

/** Connects; over TLS where the address or the options ask for it. */
export function dialPeer({ host, port, path, secure }: PeerAddress, tls: GrpcTlsOptions | undefined): Socket {
  const at = path === undefined ? { host, port, noDelay: true } : { path };
  if (tls === undefined && !secure) return connect(at);
  return connectTls({ ...at, ...tlsOptions(host, tls ?? {}) });
}

function tlsOptions(host: string, { ca, cert, key, servername }: GrpcTlsOptions): ConnectionOptions {
  // A server name indication is never an IP address (RFC 6066); the certificate is checked against the host all the same.
  const name = servername ?? (host === "" || /^[\d.]+$|:/.test(host) ? undefined : host);
  return {
    ALPNProtocols: ["h2"],
    ...(ca !== undefined && { ca: typeof ca === "string" || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(name !== undefined && { servername: name }),
  };
}
