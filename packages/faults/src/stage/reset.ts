import type { Socket } from "node:net";

/**
 * Resets the connection. A socket whose end is just being sent is closed without: Node refuses its reset with EINVAL and never closes its handle
 * then, and a process that has such a one spins for ever when it ends.
 */
export function reset(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
