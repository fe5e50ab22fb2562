import { createConnection, type Socket } from "node:net";
import type { AdapterClient } from "../load/adapter.ts";
import type { StreamRequest, User, UserRequest } from "../load/service.ts";
import { Batch } from "./batch.ts";
import { frameType, STREAM_WINDOW } from "./frame.ts";
import { type Waiter, waiters } from "./pending.ts";
import { Reader } from "./reader.ts";
import type { RawVariant } from "./variant.ts";

const READ_BUFFER_BYTES = 64 * 1024;

interface Stream {
  messages: User[];
  ended: boolean;
  wake: (() => void) | undefined;
}

async function open(port: number, variant: RawVariant, reader: Reader): Promise<Socket> {
  const socket = createConnection({
    port,
    host: "127.0.0.1",
    noDelay: true,
    ...(variant.onread
      ? {
          onread: {
            buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
            callback: (length: number, bytes: Uint8Array) => {
              reader.push(bytes as Buffer, length);
              return true;
            },
          },
        }
      : {}),
  });
  if (!variant.onread) socket.on("data", (chunk) => reader.push(chunk, chunk.length));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return socket;
}

export async function dial(port: number, variant: RawVariant): Promise<AdapterClient> {
  const pending = waiters<User>(variant.map);
  const streams = new Map<number, Stream>();
  let lastStream = 0;
  const reader = new Reader(variant, (type, id, value) => {
    if (type === frameType.reply) return pending.take(id).resolve(value as User);
    if (type === frameType.error) return pending.take(id).reject(new Error(String(value)));
    const stream = streams.get(id);
    if (!stream) return;
    if (type === frameType.message) stream.messages.push(value as User);
    else stream.ended = true;
    const { wake } = stream;
    stream.wake = undefined;
    wake?.();
  });
  const socket = await open(port, variant, reader);
  const batch = new Batch(socket, variant);

  function call(request: UserRequest): Promise<User> {
    return new Promise((resolve, reject) => {
      const waiter: Waiter<User> = { resolve, reject };
      batch.send(frameType.request, pending.add(waiter), request);
    });
  }

  async function* stream(request: StreamRequest): AsyncGenerator<User> {
    const id = ++lastStream;
    const state: Stream = { messages: [], ended: false, wake: undefined };
    streams.set(id, state);
    batch.send(frameType.open, id, request);
    let read = 0;
    try {
      for (;;) {
        if (state.messages.length === 0) {
          if (state.ended) return;
          await new Promise<void>((resolve) => {
            state.wake = resolve;
          });
          continue;
        }
        const messages = state.messages;
        state.messages = [];
        for (const user of messages) {
          if (++read === STREAM_WINDOW / 2) {
            batch.control(frameType.credit, id, read);
            read = 0;
          }
          yield user;
        }
      }
    } finally {
      if (!state.ended) batch.control(frameType.cancel, id, 0);
      streams.delete(id);
    }
  }

  return { call, stream, close: () => void socket.destroy() };
}
