import { lstat, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Connection, Listener, ListenOptions, Runtime } from "@skein/core";
import { PREFACE, socketAddress } from "@skein/core/internal";
import { formatAddress, parseAddress, type SocketAddress } from "./address.ts";
import { sniff } from "./sniff.ts";
import { SocketConnection } from "./socket-connection.ts";
import { listenError } from "./socket-errors.ts";
import { serverTls, type TlsSettings } from "./tls.ts";

/** Half-open, so that a door may answer a client that has sent its FIN. */
const SOCKETS = { noDelay: true, allowHalfOpen: true };

/** Binds and accepts. Rejects with a sentence that names the address; `code` and `cause` are Node's. */
export async function listen(
  runtime: Runtime,
  address: string,
  accept: (connection: Connection) => void,
  options: ListenOptions,
  tls: TlsSettings | undefined,
  maxFrameBytes: number,
): Promise<Listener> {
  const target = parseAddress(address);
  if (tls !== undefined && (tls.cert === undefined || tls.key === undefined))
    throw new Error(`${address}: listening with TLS takes both cert and key`);
  /** Those that have not said yet what they want, by peer (under TLS two sockets stand for one): they end with the listener. */
  const undecided = new Map<string | Socket, Socket>();
  const onSocket = (socket: Socket): void => {
    const peer = peerOf(socket);
    undecided.set(peer, socket);
    const ours = (rest: Uint8Array): void => {
      const connection = new SocketConnection(runtime, socket, socketAddress(socket), maxFrameBytes);
      socket.write(PREFACE);
      socket.on("data", (chunk) => connection.receive(chunk, chunk.length, 0));
      accept(connection);
      connection.receive(rest, rest.length, 0);
    };
    sniff(runtime, socket, options, ours, () => undecided.delete(peer));
  };
  const server = tls === undefined ? createServer(SOCKETS, onSocket) : secureServer(tls, onSocket, undecided);
  await bind(server, target).catch((error: unknown) => {
    throw listenError(address, error);
  });
  // A connection that could not be accepted (no file descriptors left): the next one may be.
  server.on("error", () => {});
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: formatAddress(target.kind === "tcp" ? { ...target, port } : target),
    async close() {
      server.close();
      for (const socket of undecided.values()) socket.destroy();
      undecided.clear();
    },
  };
}

function secureServer(
  tls: TlsSettings,
  onSocket: (socket: Socket) => void,
  undecided: Map<string | Socket, Socket>,
): Server {
  const server = createTlsServer({ ...SOCKETS, ...serverTls(tls) }, onSocket);
  server.on("connection", (plain: Socket) => {
    const peer = peerOf(plain);
    if (peer === plain) return;
    undecided.set(peer, plain);
    plain.once("close", () => undecided.delete(peer));
  });
  return server;
}

function peerOf(socket: Socket): string | Socket {
  return socket.remotePort === undefined ? socket : `${socket.remoteAddress}:${socket.remotePort}`;
}

async function bind(server: Server, target: SocketAddress): Promise<void> {
  try {
    await listening(server, target);
  } catch (error) {
    if (target.kind !== "unix" || !(await isStale(target.path, error))) throw error;
    await unlink(target.path);
    await listening(server, target);
  }
}

/** A socket file that a killed process left behind: it is a socket, and nobody answers on it. */
async function isStale(path: string, error: unknown): Promise<boolean> {
  if ((error as { code?: string }).code !== "EADDRINUSE") return false;
  const stat = await lstat(path).catch(() => undefined);
  return stat?.isSocket() === true && !(await answers(path));
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // Refused: nobody. Anything else (no right to connect, a full queue): somebody.
    socket.once("error", (error: { code?: string }) => resolve(error.code !== "ECONNREFUSED"));
  });
}

function listening(server: Server, target: SocketAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(
      target.kind === "unix" ? { path: target.path } : { host: target.host, port: target.port },
      () => {
        server.off("error", reject);
        resolve();
      },
    );
  });
}
