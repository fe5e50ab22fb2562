import { unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions, createServer as createTlsServer, type SecureContextOptions } from "node:tls";
import type { Connection, DialOptions, Listener, ListenOptions, Runtime, Transport } from "@skein/core";
import { PREFACE } from "@skein/core/internal";
import { formatAddress, parseAddress, type SocketAddress } from "./address.ts";
import { DEFAULT_MAX_FRAME_BYTES } from "./limits.ts";
import { sniff } from "./sniff.ts";
import { SocketConnection } from "./socket-connection.ts";
import { dialError, listenError } from "./socket-errors.ts";

/** Both sides' certificates; TLS 1.3. The names are node:tls's. */
export interface TlsSettings {
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  readonly ca?: string | Buffer | readonly (string | Buffer)[] | undefined;
  /** Listening: refuse clients without a certificate of `ca`. @default false */
  readonly requestCert?: boolean | undefined;
  /** Dialling: the name that the server's certificate must have. @default the host dialled */
  readonly servername?: string | undefined;
}

export interface TcpTransportOptions {
  readonly runtime: Runtime;
  readonly tls?: TlsSettings | undefined;
  /** @default 4 MiB and room for metadata */
  readonly maxFrameBytes?: number | undefined;
  /** Addresses that it answers for. @default "tcp" */
  readonly scheme?: "tcp" | "unix" | undefined;
}

const READ_BYTES = 64 * 1024;

/** Sockets: TCP, TLS over TCP, and Unix. */
export function createTcpTransport(options: TcpTransportOptions): Transport {
  const { runtime, tls, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES, scheme = "tcp" } = options;
  return {
    scheme,
    dial: (address, given) => dial(runtime, address, given, tls, maxFrameBytes),
    listen: (address, accept, given) => listen(runtime, address, accept, given ?? {}, tls, maxFrameBytes),
  };
}

function dial(
  runtime: Runtime,
  address: string,
  { timeoutMs, signal }: DialOptions,
  tls: TlsSettings | undefined,
  maxFrameBytes: number,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const target = parseAddress(address);
    const receive = prefaced((connection, bytes, n, start) => connection.receive(bytes, n, start));
    // One buffer for all that is read: nothing that is decoded refers to it.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const onread = { buffer, callback: (n: number): boolean => receive(connection, buffer, n) };
    const where = target.kind === "unix" ? { path: target.path } : { host: target.host, port: target.port };
    const socket: Socket =
      tls === undefined
        ? connect({ ...where, noDelay: true, onread })
        : connectTls({ ...where, ...clientTls(tls, target) });
    const connection: SocketConnection = new SocketConnection(runtime, socket, address, maxFrameBytes);
    if (tls !== undefined) socket.on("data", (chunk) => receive(connection, chunk, chunk.length));
    const timer = runtime.clock.setTimer(timeoutMs, () =>
      fail(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })),
    );
    const abort = (): void => fail(signal?.reason as Error);
    const fail = (error: Error): void => {
      settle();
      socket.destroy();
      reject(dialError(address, error));
    };
    const settle = (): void => {
      timer.cancel();
      socket.off("error", fail);
      signal?.removeEventListener("abort", abort);
    };
    socket.once("error", fail);
    signal?.addEventListener("abort", abort, { once: true });
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      settle();
      socket.write(PREFACE);
      resolve(connection);
    });
  });
}

/** Checks that what is read begins with the preface, then hands on the rest. */
function prefaced(
  pass: (connection: SocketConnection, bytes: Uint8Array, n: number, start: number) => void,
): (connection: SocketConnection, bytes: Uint8Array, n: number) => boolean {
  let got = 0;
  return (connection, bytes, n) => {
    let start = 0;
    while (got < PREFACE.length && start < n) {
      if (bytes[start++] === PREFACE[got++]) continue;
      connection.destroy(new Error("the peer does not speak the session protocol"));
      return true;
    }
    if (start < n) pass(connection, bytes, n, start);
    return true;
  };
}

function clientTls(tls: TlsSettings, target: SocketAddress): ConnectionOptions {
  return {
    minVersion: "TLSv1.3" as const,
    ALPNProtocols: ["skein/1"],
    ...(tls.servername !== undefined && { servername: tls.servername }),
    ...(tls.servername === undefined &&
      target.kind === "tcp" &&
      !/^[\d.:]+$/.test(target.host) && { servername: target.host }),
    ...pem(tls),
  };
}

function pem(tls: TlsSettings): SecureContextOptions {
  return {
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.ca !== undefined && { ca: tls.ca as string | Buffer }),
  };
}

async function listen(
  runtime: Runtime,
  address: string,
  accept: (connection: Connection) => void,
  options: ListenOptions,
  tls: TlsSettings | undefined,
  maxFrameBytes: number,
): Promise<Listener> {
  const target = parseAddress(address);
  const sniffing = new Set<Socket>();
  const onSocket = (socket: Socket): void => {
    socket.setNoDelay(true);
    sniffing.add(socket);
    socket.once("close", () => sniffing.delete(socket));
    sniff(runtime, socket, options, (rest) => {
      sniffing.delete(socket);
      const connection = new SocketConnection(runtime, socket, remoteOf(socket), maxFrameBytes);
      socket.write(PREFACE);
      accept(connection);
      socket.on("data", (chunk) => connection.receive(chunk, chunk.length, 0));
      if (rest.length > 0) connection.receive(rest, rest.length, 0);
    });
  };
  const server =
    tls === undefined
      ? createServer(onSocket)
      : createTlsServer(
          {
            minVersion: "TLSv1.3",
            ALPNProtocols: ["skein/1", "http/1.1"],
            requestCert: tls.requestCert === true,
            rejectUnauthorized: tls.requestCert === true,
            ...pem(tls),
          },
          onSocket,
        );
  await bind(server, target).catch((error: Error) => {
    throw listenError(address, error);
  });
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  return {
    address: formatAddress(target.kind === "tcp" ? { ...target, port } : target),
    async close() {
      server.close();
      for (const socket of sniffing) socket.destroy();
    },
  };
}

async function bind(server: Server, target: SocketAddress): Promise<void> {
  try {
    await listening(server, target);
  } catch (error) {
    if (
      target.kind !== "unix" ||
      (error as { code?: string }).code !== "EADDRINUSE" ||
      (await answers(target.path))
    )
      throw error;
    // A socket file that a killed process left behind.
    await unlink(target.path);
    await listening(server, target);
  }
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

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function remoteOf(socket: Socket): string {
  return socket.remoteAddress === undefined ? "unix" : `${socket.remoteAddress}:${socket.remotePort}`;
}
