/** A message of 4 MiB, its metadata and header: as over TCP. */
export const DEFAULT_MAX_FRAME_BYTES = 4 * 1024 * 1024 + 17 * 1024;
/** Of a connection, on their way to this process and not handed on: more the other end does not send. */
export const WINDOW_BYTES = 1024 * 1024;
/** A peer's window below this is refused: parts would become too small. */
export const MIN_WINDOW_BYTES = 16 * 1024;
/** Above so many bytes that the peer has not taken commit() says so. */
export const HIGH_WATER_BYTES = 1024 * 1024;
/** No message carries more, whatever the server allows: others take their turn between parts. */
export const MAX_PART_BYTES = 256 * 1024;
/** After close(): how long the peer has to take what was committed, ms. */
export const CLOSE_GRACE_MS = 1000;
/** How long listen() waits for somebody who has the subject already, ms. Without one the server says so at once. */
export const PROBE_MS = 500;
/** How long listen() waits for the server, ms. */
export const CONNECT_MS = 10_000;
