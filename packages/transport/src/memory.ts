import type { Connection, ConnectionHandler, Runtime, Transport, Writer } from "@skein/core";
import { BatchBuffer, FrameDecoder } from "@skein/core/internal";
import { DEFAULT_MAX_FRAME_BYTES, HIGH_WATER_BYTES } from "./limits.ts";

/** Who listens, by name. Transports that share one see each other. */
export interface MemoryNetwork {
  readonly listeners: Map<string, (connection: Connection) => void>;
}

export function createMemoryNetwork(): MemoryNetwork {
  return { listeners: new Map() };
}
/** What `memory:` addresses mean in this process. */
const processWide = createMemoryNetwork();
let ports = 0;

export interface MemoryTransportOptions {
  readonly runtime: Runtime;
  /** @default the process's own */
  readonly network?: MemoryNetwork | undefined;
  /** @default 4 MiB and room for metadata */
  readonly maxFrameBytes?: number | undefined;
}

/** Frames between two ends in one process: bytes are copied and arrive on a later tick, as over a socket. Addresses: `memory://name`. */
export function createMemoryTransport(options: MemoryTransportOptions): Transport {
  const { runtime, network = processWide, maxFrameBytes = DEFAULT_MAX_FRAME_BYTES } = options;
  return {
    scheme: "memory",
    async dial(address, { signal }) {
      signal?.throwIfAborted();
      const accept = network.listeners.get(nameOf(address));
      if (accept === undefined) throw new Error(`nobody listens on ${address}`);
      const dialled = new MemoryConnection(runtime, address, maxFrameBytes);
      const accepted = new MemoryConnection(runtime, "memory://caller", maxFrameBytes);
      dialled.peer = accepted;
      accepted.peer = dialled;
      accept(accepted);
      return dialled;
    },
    async listen(address, accept) {
      const name = nameOf(address) || `port-${++ports}`;
      if (network.listeners.has(name)) throw new Error(`memory://${name} is in use: choose another name`);
      network.listeners.set(name, accept);
      return {
        address: `memory://${name}`,
        close: async () => {
          if (network.listeners.get(name) === accept) network.listeners.delete(name);
        },
      };
    },
  };
}

function nameOf(address: string): string {
  const match = /^memory:(?:\/\/)?([^/?#]*)$/.exec(address);
  if (match === null) throw new Error(`${address} is no memory address: memory://name`);
  return match[1] as string;
}

class MemoryConnection implements Connection {
  readonly remote: string;
  readonly maxFrameBytes: number;
  peer: MemoryConnection | undefined;
  readonly #runtime: Runtime;
  readonly #batch: BatchBuffer;
  #decoder: FrameDecoder | undefined;
  #handler: ConnectionHandler | undefined;
  /** Written and not yet read by the peer. */
  #unread = 0;
  #inbox: Uint8Array[] = [];
  #scheduled = false;
  #closed = false;
  #ending = false;
  #waiting: (() => void)[] = [];
  readonly #receive = (): void => this.#take();

  constructor(runtime: Runtime, remote: string, maxFrameBytes: number) {
    this.#runtime = runtime;
    this.remote = remote;
    this.maxFrameBytes = maxFrameBytes;
    this.#batch = new BatchBuffer({
      allocate: (n) => new Uint8Array(n),
      write: (bytes) => this.#write(bytes),
      isEmpty: () => true,
      defer: (fn) => runtime.defer(fn),
    });
  }

  get bufferedBytes(): number {
    return this.#unread + this.#batch.waiting;
  }

  open(handler: ConnectionHandler): void {
    this.#handler = handler;
    this.#decoder = new FrameDecoder(this.maxFrameBytes, handler);
    if (this.#inbox.length > 0 || this.#ending) this.#schedule();
  }
  reserve(size: number): Writer {
    this.#batch.reserve(size);
    return this.#batch;
  }
  commit(): boolean {
    this.#batch.commit();
    return this.bufferedBytes < HIGH_WATER_BYTES;
  }
  commitWith(tail: Uint8Array): boolean {
    this.#batch.commitWith(tail);
    return this.bufferedBytes < HIGH_WATER_BYTES;
  }
  flush(): void {
    this.#batch.flush();
  }
  whenWritable(callback: () => void): void {
    if (this.bufferedBytes < HIGH_WATER_BYTES) this.#runtime.defer(callback);
    else this.#waiting.push(callback);
  }

  #write(bytes: Uint8Array): void {
    const { peer } = this;
    if (this.#closed || peer === undefined || peer.#closed || bytes.length === 0) return;
    this.#unread += bytes.length;
    peer.#inbox.push(bytes.slice());
    peer.#schedule();
  }
  #schedule(): void {
    if (this.#scheduled || this.#handler === undefined) return;
    this.#scheduled = true;
    this.#runtime.yieldToIo(this.#receive);
  }
  #take(): void {
    this.#scheduled = false;
    const chunks = this.#inbox;
    this.#inbox = [];
    for (const chunk of chunks) {
      if (this.#closed) return;
      if (this.peer !== undefined) this.peer.#wasRead(chunk.length);
      try {
        this.#decoder?.push(chunk, chunk.length);
      } catch (error) {
        return this.destroy(error as Error);
      }
    }
    if (chunks.length > 0 && !this.#closed) this.#handler?.chunkEnd();
    if (this.#ending && this.#inbox.length === 0) this.#end();
  }
  #wasRead(bytes: number): void {
    this.#unread -= bytes;
    if (this.bufferedBytes >= HIGH_WATER_BYTES) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const callback of waiting) callback();
  }

  close(): void {
    if (this.#closed) return;
    this.#batch.flush();
    this.#end();
  }
  destroy(error?: Error): void {
    if (this.#closed) return;
    if (this.peer !== undefined) this.peer.#inbox = [];
    this.#end(error);
  }
  #end(error?: Error): void {
    if (this.#closed) return;
    this.#closed = true;
    const { peer } = this;
    if (peer !== undefined && !peer.#closed) {
      peer.#ending = true;
      peer.#schedule();
    }
    this.#handler?.closed(error);
  }
}
