import { performServerHandshake, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { DoorHost } from "@skein/core";
import { DoorCallers, socketAddress } from "@skein/core/internal";
import { type CallParts, serveCall } from "./serve-call.ts";

const MEGABYTES = 64;
const STREAMS = 1000;

/** One HTTP/2 connection. */
export class Peer {
  readonly #session: ServerHttp2Session;
  readonly #callers: DoorCallers;
  /** The last ping was not answered yet. */
  #waiting = false;

  /** @param onClose once */
  constructor(host: DoorHost, parts: CallParts, socket: Socket, onClose: (peer: Peer) => void) {
    this.#callers = new DoorCallers(host, socketAddress(socket));
    const session = performServerHandshake(socket, {
      maxSessionMemory: MEGABYTES,
      settings: { maxConcurrentStreams: STREAMS },
    });
    this.#session = session;
    session.on("stream", (stream, headers) => void serveCall(parts, this.#callers, stream, headers));
    // Whatever it is, the session closes.
    session.on("error", () => {});
    // The socket is half-open: a peer that has sent its FIN has gone, for gRPC.
    socket.once("end", () => session.destroy());
    session.once("close", () => {
      this.#callers.close();
      socket.destroy();
      onClose(this);
    });
  }

  /** Says GOAWAY: what is under way ends, nothing new begins, then the connection closes. */
  drain(): void {
    if (!this.#session.closed) this.#session.close();
  }

  /** Is it there? One that has not answered since the last time is cut. */
  ping(): void {
    if (this.#session.destroyed) return;
    if (this.#waiting) return this.destroy();
    this.#waiting = true;
    this.#session.ping(() => {
      this.#waiting = false;
    });
  }

  destroy(): void {
    this.#session.destroy();
  }
}
