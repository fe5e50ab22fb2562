import type { Runtime, Transport } from "@skein/core";
import { dial } from "./dial.ts";
import { DEFAULT_MAX_FRAME_BYTES } from "./limits.ts";
import { listen } from "./listen.ts";
import type { TlsSettings } from "./tls.ts";

export interface TcpTransportOptions {
  readonly runtime: Runtime;
  /** Both sides then speak TLS 1.3; without it, plain sockets. */
  readonly tls?: TlsSettings | undefined;
  /** @default 4 MiB and room for metadata */
  readonly maxFrameBytes?: number | undefined;
  /** Addresses that it answers for. @default "tcp" */
  readonly scheme?: "tcp" | "unix" | undefined;
}

/** Sockets: TCP (`tcp://host:port`), TLS over TCP, and Unix (`unix:/path`). */
export function createTcpTransport(options: TcpTransportOptions): Transport {
  const { runtime, tls, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES, scheme = "tcp" } = options;
  return {
    scheme,
    dial: (address, given) => dial(runtime, address, given, tls, maxFrameBytes),
    listen: (address, accept, given) => listen(runtime, address, accept, given ?? {}, tls, maxFrameBytes),
  };
}
