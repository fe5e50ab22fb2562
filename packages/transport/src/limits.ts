/** A message of 4 MiB, its metadata and header. */
export const DEFAULT_MAX_FRAME_BYTES = 4 * 1024 * 1024 + 17 * 1024;
/** Above so many unsent bytes commit() says so. */
export const HIGH_WATER_BYTES = 1024 * 1024;
/** After close(): how long the peer has to take what was sent and to close its side, ms. */
export const CLOSE_GRACE_MS = 1000;
/** A TLS handshake takes no longer, ms. */
export const HANDSHAKE_MS = 5000;
