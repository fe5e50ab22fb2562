/** Carries frames between two processes. Every transport passes `transportConformance`. */
export interface Transport {
  /** Of the addresses it understands: `tcp`, `memory`, `unix`. */
  readonly scheme: string;
  /** Rejects with an Error whose message names the address. Its `code` ENETDOWN: see ConnectionHandler.closed(). */
  dial(address: string, options: DialOptions): Promise<Connection>;
  /** Rejects when the address can't be had. `accept` is called for each connection whose first bytes are our preface. */
  listen(
    address: string,
    accept: (connection: Connection) => void,
    options?: ListenOptions,
  ): Promise<Listener>;
}

export interface DialOptions {
  /** For connect and TLS together. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface ListenOptions {
  /** Other protocols on the same port, asked in order. */
  readonly doors?: readonly Door[] | undefined;
  /** Told of a connection that no door fits, before it is closed. `first`: at most its first 16 bytes. */
  readonly onUnknown?: ((remote: string, first: Uint8Array) => void) | undefined;
  /** A connection that has sent no byte for so long is closed. @default 1000 */
  readonly firstByteMs?: number | undefined;
}

/** Another protocol on our port. `Socket` is the transport's own kind (node:net's for tcp), paused, the bytes already read put back. */
export interface Door<Socket = unknown> {
  readonly name: string;
  /** `more`: these bytes do not tell yet. */
  matches(first: Uint8Array): "yes" | "no" | "more";
  accept(socket: Socket): void;
  /** Ends what it accepted; `graceMs` for answers under way. */
  close(graceMs: number): Promise<void>;
}

export interface Listener {
  /** As bound: a port 0 is replaced by the real one. */
  readonly address: string;
  /** Takes no more connections; those that exist go on. */
  close(): Promise<void>;
}

/** A place to write one frame: `bytes` from `position` on. `bytes` changes between reserves; never keep it. */
export interface Writer {
  bytes: Uint8Array;
  /** Over `bytes`. */
  view: DataView;
  /** Where to write next; a multiple of 8 right after reserve(). */
  position: number;
}

/**
 * Ordered and lossless until closed. Frames are written into its batch buffer and leave at the end of the tick, or at once when 4 KB wait.
 * A frame begins with its length (u32, little endian, header included) and is padded with zeroes to a multiple of 8.
 */
export interface Connection {
  /** Other end, for logs. */
  readonly remote: string;
  /** Longest frame it carries. */
  readonly maxFrameBytes: number;
  /** Committed and not yet taken by the system. */
  readonly bufferedBytes: number;
  /** Frames are handed to `handler` from now on. Called once, before anything else. */
  open(handler: ConnectionHandler): void;
  /** A writer with at least `size` bytes free (`size` <= 32 KiB). A frame begun and never committed is dropped by the next reserve(). The frame begins at its position. */
  reserve(size: number): Writer;
  /** The frame that began at the last reserve() ends at the writer's position. False: above the high-water mark, wait for whenWritable(). */
  commit(): boolean;
  /** As commit(), with `tail` behind what was written (it is part of the frame, belongs to the connection from now on, and is not copied). */
  commitWith(tail: Uint8Array): boolean;
  /** Sends now what was committed. */
  flush(): void;
  /** Calls once the unwritten bytes are below the mark; at once (on a later tick) when they are. */
  whenWritable(callback: () => void): void;
  /** Sends what was committed, then closes. Idempotent. */
  close(): void;
  /** Closes at once; unsent bytes are lost. Idempotent. */
  destroy(error?: Error): void;
}

export interface ConnectionHandler {
  /** One whole frame in bytes[start, end), the length field included, padding not. The bytes may be reused after it returns. */
  frame(bytes: Uint8Array, start: number, end: number): void;
  /** All frames that came together have been handed on. */
  chunkEnd(): void;
  /**
   * Exactly once, whoever closed it. `error`: why, when it was not an orderly close. Its `code` ENETDOWN: what lies between this process and others is
   * away, as a broker or a part of one; nobody else is to blame, and callers wait for it, or ask those that can be reached. Its
   * `undeliveredSince` (clock.monotonic(), ms): what was committed later than that never came to the other end, for certain.
   */
  closed(error?: Error): void;
}
