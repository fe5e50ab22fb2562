import { createServer, type Server, type Socket } from "node:net";
import { getUser, type StreamRequest, type UserRequest } from "../load/service.ts";
import { Batch } from "./batch.ts";
import { frameType, STREAM_WINDOW } from "./frame.ts";
import { Reader } from "./reader.ts";
import type { RawVariant } from "./variant.ts";

/** Unwritten bytes above which a stream waits for `drain`. */
const HIGH_WATER = 1 << 20;

interface Stream {
  readonly request: StreamRequest;
  left: number;
  credit: number;
  ended: boolean;
}

const getUserLater = async (request: UserRequest) => getUser(request);

function accept(socket: Socket, variant: RawVariant): void {
  socket.setNoDelay(true);
  socket.on("error", () => socket.destroy());
  const batch = new Batch(socket, variant);
  const streams = new Map<number, Stream>();

  function pump(stream: Stream, id: number): void {
    while (stream.credit > 0 && stream.left > 0 && !stream.ended) {
      stream.credit--;
      stream.left--;
      batch.send(frameType.message, id, getUser(stream.request));
      if (socket.writableLength > HIGH_WATER) {
        socket.once("drain", () => pump(stream, id));
        return;
      }
    }
    if (stream.left === 0 && streams.delete(id)) batch.control(frameType.end, id, 0);
  }

  const reader = new Reader(variant, (type, id, value) => {
    switch (type) {
      case frameType.request:
        if (variant.async)
          getUserLater(value as UserRequest).then(
            (user) => batch.send(frameType.reply, id, user),
            (error: unknown) => batch.send(frameType.error, id, String(error)),
          );
        else batch.send(frameType.reply, id, getUser(value as UserRequest));
        return;
      case frameType.open: {
        const request = value as StreamRequest;
        const stream = { request, left: request.count, credit: STREAM_WINDOW, ended: false };
        streams.set(id, stream);
        return pump(stream, id);
      }
      case frameType.credit: {
        const stream = streams.get(id);
        if (!stream) return;
        stream.credit += value as number;
        return pump(stream, id);
      }
      case frameType.cancel: {
        const stream = streams.get(id);
        if (stream) stream.ended = true;
        streams.delete(id);
        return;
      }
      default:
        throw new Error(`a server got a frame of type ${type}`);
    }
  });
  socket.on("data", (chunk) => reader.push(chunk, chunk.length));
}

export async function listen(port: number, variant: RawVariant): Promise<Server> {
  const server = createServer((socket) => accept(socket, variant));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}
