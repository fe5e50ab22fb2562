import type { Socket } from "node:net";
import type { Door, ListenOptions, Runtime } from "@skein/core";
import { matchPreface, PREFACE } from "@skein/core/internal";

/** So many bytes tell any protocol. */
const MOST_BYTES = 64;
const FIRST_BYTE_MS = 1000;

/**
 * Looks at the first bytes of a connection: our preface goes to `ours` with what came behind it; another protocol to its door, the bytes
 * put back; what fits nothing is told and closed, and so is a peer that does not say what it wants in time.
 */
export function sniff(
  runtime: Runtime,
  socket: Socket,
  options: ListenOptions,
  ours: (rest: Uint8Array) => void,
): void {
  let first: Buffer = Buffer.alloc(0);
  const timer = runtime.clock.setTimer(options.firstByteMs ?? FIRST_BYTE_MS, () => socket.destroy());
  const done = (): void => {
    timer.cancel();
    socket.off("data", look);
    socket.off("error", nothing);
    socket.off("close", done);
  };
  const look = (chunk: Buffer): void => {
    first = first.length === 0 ? chunk : Buffer.concat([first, chunk]);
    const match = matchPreface(first);
    if (match === "yes") {
      done();
      ours(first.subarray(PREFACE.length));
      return;
    }
    const door = match === "more" ? "more" : findDoor(options.doors ?? [], first);
    if (door === "more" && first.length < MOST_BYTES) return;
    done();
    if (door === "more" || door === undefined) {
      options.onUnknown?.(
        `${socket.remoteAddress ?? "unix"}:${socket.remotePort ?? 0}`,
        first.subarray(0, 16),
      );
      socket.on("error", nothing);
      socket.destroy();
      return;
    }
    socket.pause();
    socket.unshift(first);
    door.accept(socket);
  };
  socket.on("data", look);
  socket.on("error", nothing);
  socket.once("close", done);
}

function findDoor(doors: readonly Door[], first: Uint8Array): Door | "more" | undefined {
  let more = false;
  for (const door of doors) {
    const match = door.matches(first);
    if (match === "yes") return door;
    more ||= match === "more";
  }
  return more ? "more" : undefined;
}

function nothing(): void {}
