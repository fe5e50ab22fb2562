/** Bounds on what a peer may make us hold. */
export interface HttpLimits {
  /** Request line and headers together, bytes. @default 8192 */
  readonly maxHeaderBytes: number;
  /** The first request must be whole by then, ms. @default 5000 */
  readonly requestMs: number;
  /** After an answer, the next request must be whole by then, ms. @default 15_000 */
  readonly idleMs: number;
  /** Beyond, connections are closed at once. @default 256 */
  readonly maxConnections: number;
}

export const DEFAULT_HTTP_LIMITS: HttpLimits = {
  maxHeaderBytes: 8192,
  requestMs: 5000,
  idleMs: 15_000,
  maxConnections: 256,
};
