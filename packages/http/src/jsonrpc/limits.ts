/** Bounds on what a peer of the JSON-RPC door may make us hold. */
export interface JsonrpcLimits {
  /** Longest request, bytes. @default 4 MiB */
  readonly maxMessageBytes: number;
  /** Nesting of a request, itself included. @default 64 */
  readonly maxDepth: number;
  /** A request that has begun must be whole by then, ms. @default 15_000 */
  readonly messageMs: number;
  /** Calls that run at once for one connection; while there are as many, further ones wait and nothing is read from it. @default 1000 */
  readonly maxCalls: number;
  /** Beyond, connections are closed at once. @default 10_000 */
  readonly maxConnections: number;
  /** A peer that has sent its last byte gets answers for so long, ms; then it counts as gone and its calls are cancelled. @default 500 */
  readonly halfClosedMs: number;
  /** A peer that takes nothing of its answers for so long is cut, ms. @default 30_000 */
  readonly stallMs: number;
}

export const DEFAULT_JSONRPC_LIMITS: JsonrpcLimits = {
  maxMessageBytes: 4 * 1024 * 1024,
  maxDepth: 64,
  messageMs: 15_000,
  maxCalls: 1000,
  maxConnections: 10_000,
  halfClosedMs: 500,
  stallMs: 30_000,
};
