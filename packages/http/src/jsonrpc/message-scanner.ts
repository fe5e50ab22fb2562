const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

const NONE = Buffer.alloc(0);

export interface ScanLimits {
  /** Of one message, bytes. */
  readonly maxBytes: number;
  /** Of one message's nesting; the message itself is the first level. */
  readonly maxDepth: number;
}

/** What came is not JSON objects one after another, or one is too large. `message` says which, and quotes nothing of it. */
export class ScanError extends Error {
  override readonly name = "ScanError";
}

/**
 * Cuts a stream of bytes into JSON objects, wherever it was split: net/rpc's peers write them one after another, a newline between them or nothing. It looks
 * for their ends only; whether they are JSON is for JSON.parse to say.
 */
export class MessageScanner {
  readonly #limits: ScanLimits;
  readonly #found: (text: string) => void;
  /** Of a message that began in earlier chunks: one buffer, as a part each would let a peer that drips cost a hundred times what it sends. */
  #begun: Buffer = NONE;
  #held = 0;
  #depth = 0;
  #quoted = false;
  #escaped = false;

  /** @param found told of each message, in order, from within push() */
  constructor(limits: ScanLimits, found: (text: string) => void) {
    this.#limits = limits;
    this.#found = found;
  }

  /** A message has begun and not ended. */
  get within(): boolean {
    return this.#depth > 0;
  }

  /** @throws ScanError after which nothing of the stream can be understood */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#depth === 0) {
        at = skipBlanks(chunk, at);
        if (at === chunk.length) return;
        if (chunk[at] !== OPEN_BRACE) throw new ScanError("a message does not begin with {");
      }
      const end = this.#end(chunk, at);
      const { maxBytes } = this.#limits;
      if (this.#held + (end ?? chunk.length) - at > maxBytes)
        throw new ScanError(`a message is longer than ${maxBytes} bytes`);
      if (end === undefined || this.#held > 0) this.#hold(chunk.subarray(at, end));
      if (end === undefined) return;
      if (this.#held === 0) this.#found(chunk.toString("utf8", at, end));
      else this.#release();
      at = end;
    }
  }

  #hold(part: Buffer): void {
    const needed = this.#held + part.length;
    if (this.#begun.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#begun.length * 2));
      this.#begun.copy(grown, 0, 0, this.#held);
      this.#begun = grown;
    }
    part.copy(this.#begun, this.#held);
    this.#held = needed;
  }

  #release(): void {
    const text = this.#begun.toString("utf8", 0, this.#held);
    this.#begun = NONE;
    this.#held = 0;
    this.#found(text);
  }

  /** Just behind the message's last byte; undefined: it does not end in this chunk. */
  #end(chunk: Buffer, from: number): number | undefined {
    const { maxDepth } = this.#limits;
    for (let at = from; at < chunk.length; at++) {
      if (this.#quoted) {
        at = this.#throughString(chunk, at);
        continue;
      }
      const byte = chunk[at];
      if (byte === QUOTE) this.#quoted = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (++this.#depth > maxDepth) throw new ScanError(`a message is nested deeper than ${maxDepth}`);
      } else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --this.#depth === 0) return at + 1;
    }
    return undefined;
  }

  /** To the quote that ends it, or the chunk's last byte. */
  #throughString(chunk: Buffer, from: number): number {
    let escaped = this.#escaped;
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at];
      if (escaped) escaped = false;
      else if (byte === BACKSLASH) escaped = true;
      else if (byte === QUOTE) {
        this.#quoted = false;
        this.#escaped = false;
        return at;
      }
    }
    this.#escaped = escaped;
    return chunk.length;
  }
}

function skipBlanks(chunk: Buffer, from: number): number {
  let at = from;
  while (at < chunk.length) {
    const byte = chunk[at];
    if (byte !== 0x0a && byte !== 0x20 && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  return at;
}
