import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Connection, DialOptions, Runtime } from "@skein/core";
import { PREFACE } from "@skein/core/internal";
import { parseAddress } from "./address.ts";
import { SocketConnection } from "./socket-connection.ts";
import { dialError } from "./socket-errors.ts";
import { clientTls, type TlsSettings } from "./tls.ts";

const READ_BYTES = 64 * 1024;
/** Of a name with several addresses the next is tried, of the other family first, when one does not answer so soon, ms (RFC 8305). */
const HAPPY_EYEBALLS = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 250 } as const;

/** Connects, TLS included, and sends our preface. Rejects with a sentence that names the address; `code` and `cause` are Node's. */
export function dial(
  runtime: Runtime,
  address: string,
  { timeoutMs, signal }: DialOptions,
  tls: TlsSettings | undefined,
  maxFrameBytes: number,
): Promise<Connection> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(dialError(address, signal.reason));
    const target = parseAddress(address);
    // One buffer for all that is read: nothing that is decoded refers to it.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const onread = { buffer, callback: (n: number): boolean => reader.take(buffer, n) };
    const where =
      target.kind === "unix"
        ? { path: target.path }
        : { host: target.host, port: target.port, ...HAPPY_EYEBALLS };
    const options = { ...where, noDelay: true, allowHalfOpen: true, onread };
    const socket: Socket =
      tls === undefined ? connect(options) : connectTls({ ...options, ...clientTls(tls, target) });
    const connection = new SocketConnection(runtime, socket, address, maxFrameBytes);
    const reader = new PrefaceReader(connection);
    const fail = (error: unknown): void => {
      settle();
      socket.destroy();
      reject(dialError(address, error));
    };
    const abort = (): void => fail(signal?.reason);
    const closed = (): void => fail(new Error("closed the connection before it was made"));
    const timer = runtime.clock.setTimer(timeoutMs, () =>
      fail(Object.assign(new Error(`no connection within ${timeoutMs} ms`), { code: "ETIMEDOUT" })),
    );
    const settle = (): void => {
      timer.cancel();
      socket.off("error", fail);
      socket.off("close", closed);
      signal?.removeEventListener("abort", abort);
    };
    socket.once("error", fail);
    socket.once("close", closed);
    socket.once("end", () => reader.ended());
    signal?.addEventListener("abort", abort, { once: true });
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      settle();
      socket.write(PREFACE);
      resolve(connection);
    });
  });
}

/** Checks that what is read begins with the preface, and hands on the rest. */
class PrefaceReader {
  #got = 0;
  readonly #connection: SocketConnection;

  constructor(connection: SocketConnection) {
    this.#connection = connection;
  }

  take(bytes: Uint8Array, n: number): boolean {
    let start = 0;
    while (this.#got < PREFACE.length && start < n) {
      if (bytes[start++] === PREFACE[this.#got++]) continue;
      const { remote } = this.#connection;
      this.#connection.destroy(
        new Error(`${remote} does not speak the session protocol: something else listens there`),
      );
      return true;
    }
    if (start < n) this.#connection.receive(bytes, n, start);
    return true;
  }

  /** The peer's FIN: no orderly one before its preface. */
  ended(): void {
    if (this.#got === PREFACE.length) return;
    const { remote } = this.#connection;
    this.#connection.destroy(
      new Error(
        `${remote} closed the connection unasked: it refuses our certificate, or speaks something else`,
      ),
    );
  }
}
