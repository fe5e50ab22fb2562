/** Bounds on what a peer may make us hold. */
export interface HttpLimits {
  /** Request line and headers together, bytes. @default 8192; where calls are served 16_384 */
  readonly maxHeaderBytes: number;
  /** The first request's head must be whole by then, ms; as long again for a body that is no stream. @default 5000; where calls are served 15_000 */
  readonly requestMs: number;
  /** After an answer, the next request's head must be whole by then, ms. @default 15_000; where calls are served 75_000 */
  readonly idleMs: number;
  /** Beyond, connections are closed at once. @default 256; where calls are served 4096 */
  readonly maxConnections: number;
  /** Longest body; in a stream the longest line. Bytes. @default 4 MiB */
  readonly maxBodyBytes: number;
  /** A peer that takes nothing of an answer for so long is cut, ms. @default 30_000 */
  readonly stallMs: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxHeaderBytes: 8192,
  requestMs: 5000,
  idleMs: 15_000,
  maxConnections: 256,
  maxBodyBytes: 4 * 1024 * 1024,
  stallMs: 30_000,
};

/** Where calls are served. Clients in Go keep idle connections for 60 s, and must not find them closed. */
export const DEFAULT_CALL_LIMITS: HttpLimits = {
  ...DEFAULT_HTTP_LIMITS,
  maxHeaderBytes: 16_384,
  requestMs: 15_000,
  idleMs: 75_000,
  maxConnections: 4096,
};
