/** A message of 4 MiB, its metadata and header: as over TCP. */
export const DEFAULT_MAX_FRAME_BYTES = 4 * 1024 * 1024 + 17 * 1024;
/**
 * Of a connection, on their way to this process and not handed on: more the other end does not send. Two large replies, so that the second does not wait
 * for the first to be acknowledged; a server keeps 64 MiB for a process that does not read, and so those of 32 peers.
 */
export const WINDOW_BYTES = 2 * 1024 * 1024;
/** A peer's window below this is refused: parts would become too small. */
export const MIN_WINDOW_BYTES = 16 * 1024;
/** Above so many bytes that the peer has not taken commit() says so. */
export const HIGH_WATER_BYTES = 1024 * 1024;
/** No message carries more, whatever the server allows: others take their turn between parts. */
export const MAX_PART_BYTES = 256 * 1024;
/** After close(): how long the peer has to take what was committed, ms. */
export const CLOSE_GRACE_MS = 1000;
/** How long listen() waits for somebody who has the subject already, ms. Without one the server says so: see JUDGED_MS. */
export const PROBE_MS = 500;
/** How long what starts waits for the server: listeners, the micro door, subscriptions of events, ms. */
export const CONNECT_MS = 10_000;
/**
 * Who has just come back to the server may be the first: that nobody subscribes somewhere is no refusal before so long, ms. Others are back within half a
 * second, and later on a machine that has much to do.
 */
export const RETURN_MS = 2000;
/**
 * In a cluster: that nobody subscribes somewhere may be told before it is told that the member at which they were is gone, by 2 ms as seen on one machine. It is
 * believed after so long, ms.
 */
export const JUDGED_MS = 20;
/** Unused while it is away, or has just come back: the server is left after so long, ms. */
export const AWAY_MS = 1000;
/** While the other end takes nothing it is asked so often whether it is there, ms. */
export const SHUT_MS = 500;
