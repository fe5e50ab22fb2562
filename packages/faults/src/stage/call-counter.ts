import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { FrameDecoder, PREFACE } from "@skein/core/internal";
import { reset } from "./reset.ts";
import type { Stage } from "./stage.ts";

/** Of the protocol's header. */
const TYPE_AT = 8;
const CALL = 2;
const MOST_FRAME_BYTES = 16 * 1024 * 1024;

/** Stands before an instance and counts the calls that are sent to it, those too that it refuses, of which its ledger knows nothing. */
export interface CallCounter {
  readonly port: number;
  /** Calls so far. */
  readonly calls: number;
  /** Resets the connections there are. */
  reset(): void;
}

/** @param target port on loopback */
export async function callCounter(stage: Stage, target: number): Promise<CallCounter> {
  const sockets = new Set<Socket>();
  let calls = 0;
  const count = (bytes: Uint8Array, start: number): void => {
    if (bytes[start + TYPE_AT] === CALL) calls++;
  };
  const join = (from: Socket, to: Socket): void => {
    sockets.add(from);
    from.setNoDelay(true);
    from.pipe(to);
    from.on("error", () => {});
    from.on("close", () => {
      sockets.delete(from);
      reset(to);
    });
  };
  const server = createServer((socket) => {
    const decoder = new FrameDecoder(MOST_FRAME_BYTES, { frame: count });
    let skip = PREFACE.length;
    socket.on("data", (chunk: Buffer) => {
      const from = Math.min(skip, chunk.length);
      skip -= from;
      decoder.push(chunk, chunk.length, from);
    });
    const other = connect(target, "127.0.0.1");
    join(socket, other);
    join(other, socket);
  });
  const resetAll = (): void => {
    for (const socket of sockets) reset(socket);
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stage.atEnd(async () => {
    server.close();
    resetAll();
  });
  const { port } = server.address() as { port: number };
  return {
    port,
    get calls() {
      return calls;
    },
    reset: resetAll,
  };
}
