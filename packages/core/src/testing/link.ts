import type { Runtime } from "../runtime.ts";
import type { Connection, ConnectionHandler, Writer } from "../transport.ts";

/** Two joined connections, and the say over when, and in what pieces, what was sent arrives. */
export interface Link {
  readonly client: Connection;
  readonly server: Connection;
  /** Frames on their way to the client, and to the server. */
  readonly waiting: { readonly client: number; readonly server: number };
  /** Delivers so many of them (all without a number); returns how many there were. */
  deliver(to: "client" | "server", most?: number): number;
  /** Delivers both ways until nothing is under way. */
  deliverAll(): void;
  /** The cable is cut: what is under way is lost, both ends are told. @param error what they are told, default `cut` */
  cut(error?: Error): void;
  /** While true, nothing is delivered by itself (a stopped peer, a silent partition). */
  frozen: boolean;
}

export interface LinkOptions {
  readonly runtime: Runtime;
  /** @default 8 MiB */
  readonly maxFrameBytes?: number;
  /** Deliver by itself, a tick after sending. @default true */
  readonly automatic?: boolean;
  /** Unread bytes above which commit() says false. @default 1 MiB */
  readonly highWaterBytes?: number;
}

class End implements Connection {
  readonly remote: string;
  readonly maxFrameBytes: number;
  readonly inbox: Uint8Array[] = [];
  peer: End | undefined;
  handler: ConnectionHandler | undefined;
  bufferedBytes = 0;
  closedBy: "us" | "them" | undefined;
  #writer: Writer | undefined;
  #start = 0;
  readonly #highWater: number;
  readonly #wake: () => void;
  #waiting: (() => void)[] = [];

  constructor(remote: string, maxFrameBytes: number, highWater: number, wake: () => void) {
    this.remote = remote;
    this.maxFrameBytes = maxFrameBytes;
    this.#highWater = highWater;
    this.#wake = wake;
  }

  open(handler: ConnectionHandler): void {
    this.handler = handler;
  }
  reserve(size: number): Writer {
    const bytes = new Uint8Array(size + 64);
    this.#writer = { bytes, view: new DataView(bytes.buffer), position: 0 };
    this.#start = 0;
    return this.#writer;
  }
  commit(): boolean {
    const w = this.#writer as Writer;
    return this.#send(w.bytes.slice(this.#start, w.position));
  }
  commitWith(tail: Uint8Array): boolean {
    const w = this.#writer as Writer;
    const frame = new Uint8Array(w.position + tail.length);
    frame.set(w.bytes.subarray(0, w.position));
    frame.set(tail, w.position);
    return this.#send(frame);
  }
  #send(frame: Uint8Array): boolean {
    if (this.closedBy !== undefined || this.peer === undefined) return true;
    this.peer.inbox.push(frame);
    this.bufferedBytes += frame.length;
    this.#wake();
    return this.bufferedBytes < this.#highWater;
  }
  flush(): void {}
  whenWritable(callback: () => void): void {
    this.#waiting.push(callback);
    this.#wake();
  }
  /** The peer read a frame of ours. */
  taken(bytes: number): void {
    this.bufferedBytes -= bytes;
    if (this.bufferedBytes >= this.#highWater) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }
  receive(most: number): number {
    let n = 0;
    while (n < most && this.inbox.length > 0) {
      const frame = this.inbox.shift() as Uint8Array;
      n++;
      this.peer?.taken(frame.length);
      if (this.closedBy === undefined) this.handler?.frame(frame, 0, frame.length);
    }
    if (n > 0 && this.closedBy === undefined) this.handler?.chunkEnd();
    if (this.inbox.length === 0 && this.peer?.closedBy === "us" && this.closedBy === undefined) this.lose();
    return n;
  }
  lose(error?: Error): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = "them";
    this.handler?.closed(error);
  }
  close(): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = "us";
    this.handler?.closed();
    this.#wake();
  }
  destroy(): void {
    if (this.closedBy !== undefined) return;
    this.closedBy = "us";
    if (this.peer !== undefined) this.peer.inbox.length = 0;
    this.handler?.closed();
    this.#wake();
  }
}

export function createLink(options: LinkOptions): Link {
  const {
    runtime,
    maxFrameBytes = 8 * 1024 * 1024,
    automatic = true,
    highWaterBytes = 1024 * 1024,
  } = options;
  let scheduled = false;
  const wake = (): void => {
    if (!automatic || scheduled || link.frozen) return;
    scheduled = true;
    runtime.yieldToIo(() => {
      scheduled = false;
      if (link.frozen) return;
      server.receive(Number.POSITIVE_INFINITY);
      client.receive(Number.POSITIVE_INFINITY);
    });
  };
  const client = new End("server", maxFrameBytes, highWaterBytes, wake);
  const server = new End("client", maxFrameBytes, highWaterBytes, wake);
  client.peer = server;
  server.peer = client;
  let frozen = false;
  const link: Link = {
    client,
    server,
    get waiting() {
      return { client: client.inbox.length, server: server.inbox.length };
    },
    deliver: (to, most = Number.POSITIVE_INFINITY) => (to === "client" ? client : server).receive(most),
    deliverAll() {
      while (server.receive(Number.POSITIVE_INFINITY) + client.receive(Number.POSITIVE_INFINITY) > 0);
    },
    cut(error = new Error("cut")) {
      client.inbox.length = server.inbox.length = 0;
      client.lose(error);
      server.lose(error);
    },
    get frozen() {
      return frozen;
    },
    set frozen(value: boolean) {
      frozen = value;
      if (!value) wake();
    },
  };
  return link;
}
