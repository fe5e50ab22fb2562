import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { Connection, ConnectionHandler, Listener, ListenOptions, Transport } from "@skein/core";
import { PREFACE } from "@skein/core/internal";
import { parseAddress } from "../address.ts";

/** A frame as it goes over the wire. */
export function frame(body: number, mark: number): Buffer {
  const bytes = Buffer.alloc((16 + body + 7) & ~7);
  bytes.writeUInt32LE(16 + body, 0);
  bytes.fill(mark, 16, 16 + body);
  return bytes;
}
export const preface = Buffer.from(PREFACE);

/** What a connection was told, and promises for it. */
export class Log implements ConnectionHandler {
  readonly frames: Buffer[] = [];
  closures = 0;
  readonly ended: Promise<Error | undefined>;
  #end: (error: Error | undefined) => void = () => {};
  #wanted = 0;
  #have: () => void = () => {};

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }
  frame(bytes: Uint8Array, start: number, end: number): void {
    this.frames.push(Buffer.from(bytes.subarray(start, end)));
    if (this.frames.length >= this.#wanted) this.#have();
  }
  chunkEnd(): void {}
  closed(error?: Error): void {
    this.closures++;
    this.#end(error);
  }
  received(n: number): Promise<void> {
    this.#wanted = n;
    return new Promise((resolve) => {
      this.#have = resolve;
      if (this.frames.length >= n) resolve();
    });
  }
}

export interface Listening extends AsyncDisposable {
  readonly listener: Listener;
  /** A plain socket to it, not a word said. */
  raw(): Promise<Socket>;
  /** The connection that was accepted next, opened. */
  accepted(): Promise<{ connection: Connection; log: Log }>;
}

export async function listening(
  transport: Transport,
  options: ListenOptions = {},
  address = "tcp://127.0.0.1:0",
): Promise<Listening> {
  const sockets: Socket[] = [];
  const got: { connection: Connection; log: Log }[] = [];
  const waiting: ((one: { connection: Connection; log: Log }) => void)[] = [];
  const listener = await transport.listen(
    address,
    (connection) => {
      const log = new Log();
      connection.open(log);
      const one = { connection, log };
      const wanted = waiting.shift();
      if (wanted === undefined) got.push(one);
      else wanted(one);
    },
    options,
  );
  return {
    listener,
    async raw() {
      const target = parseAddress(listener.address);
      const socket = connect(
        target.kind === "unix" ? { path: target.path } : { host: target.host, port: target.port },
      );
      socket.setNoDelay(true);
      socket.on("error", () => {});
      sockets.push(socket);
      await once(socket, "connect");
      return socket;
    },
    accepted() {
      const one = got.shift();
      return one === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(one);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await listener.close();
    },
  };
}

/** A server of node:net that does as it is told. */
export async function plainServer(
  onSocket: (socket: Socket) => void,
): Promise<AsyncDisposable & { address: string }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `tcp://127.0.0.1:${(server.address() as { port: number }).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** All that a socket sends until it ends or is closed. */
export async function everything(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  if (!socket.closed && !socket.readableEnded)
    await Promise.race([once(socket, "end").catch(() => {}), once(socket, "close")]);
  return Buffer.concat(chunks);
}

/** What a promise is rejected with. */
export async function refusal(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("not refused");
}
