import type { Socket } from "node:net";
import type { Door, ListenOptions, Runtime } from "@skein/core";
import { matchPreface, PREFACE, socketAddress } from "@skein/core/internal";

/** So many bytes tell any protocol. */
const MOST_BYTES = 64;
/** What onUnknown is shown. */
const SHOWN_BYTES = 16;
const FIRST_BYTE_MS = 1000;

/**
 * Looks at the first bytes of a connection: our preface goes to `ours` with what came behind it; another protocol to its door, paused and
 * the bytes put back; what fits nothing is told and closed, and so is a peer that does not say what it wants in time.
 */
export function sniff(
  runtime: Runtime,
  socket: Socket,
  options: ListenOptions,
  ours: (rest: Uint8Array) => void,
  decided: () => void,
): void {
  const doors = options.doors ?? [];
  let first: Buffer = Buffer.alloc(0);
  const look = (chunk: Buffer): void => {
    first = first.length === 0 ? chunk : Buffer.concat([first, chunk]);
    const match = matchPreface(first);
    if (match === "yes") {
      done();
      ours(first.subarray(PREFACE.length));
      return;
    }
    const door = match === "more" ? "more" : findDoor(doors, first);
    if (door === "more" && first.length < MOST_BYTES) return;
    if (door === "more" || door === undefined) return refuse();
    done();
    socket.pause();
    socket.unshift(first);
    door.accept(socket);
  };
  const refuse = (): void => {
    if (first.length > 0) options.onUnknown?.(socketAddress(socket), first.subarray(0, SHOWN_BYTES));
    socket.destroy();
  };
  const done = (): void => {
    timer.cancel();
    socket.off("data", look);
    socket.off("end", refuse);
    socket.off("error", nothing);
    socket.off("close", done);
    decided();
  };
  const timer = runtime.clock.setTimer(options.firstByteMs ?? FIRST_BYTE_MS, refuse);
  socket.on("data", look);
  socket.on("end", refuse);
  socket.on("error", nothing);
  socket.on("close", done);
}

function findDoor(doors: readonly Door[], first: Uint8Array): Door | "more" | undefined {
  for (const door of doors) {
    const match = door.matches(first);
    if (match === "yes") return door;
    // Asked in order: a later door does not get what an earlier one may still claim.
    if (match === "more") return "more";
  }
  return undefined;
}

function nothing(): void {}
