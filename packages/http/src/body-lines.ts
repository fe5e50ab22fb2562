import type { IncomingMessage } from "node:http";
import type { Transform } from "node:stream";
import { RpcError } from "@skein/core";
import { noGzip, tooLong } from "./read-body.ts";
import { readJson } from "./read-json.ts";

const LINE_FEED = 0x0a;
const BLANK = /^[ \t\r]*$/;
const DONE: IteratorResult<unknown> = { value: undefined, done: true };

interface Line {
  readonly bytes: Buffer;
  readonly number: number;
}

/**
 * The values of a body of a JSON value a line, as they are asked for: while lines wait, the socket is not read. Blank lines are skipped. What is wrong with
 * a line is thrown where it is reached, and kept as `fault`.
 */
export class BodyLines implements AsyncIterableIterator<unknown> {
  /** Why it ended before its end. */
  fault: Error | undefined;
  readonly #request: IncomingMessage;
  readonly #unpack: Transform | undefined;
  readonly #maxBytes: number;
  #lines: Line[] = [];
  #part: Buffer[] = [];
  #partBytes = 0;
  #count = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  /** @param unpack what the body goes through first */
  constructor(request: IncomingMessage, maxBytes: number, unpack?: Transform) {
    this.#request = request;
    this.#unpack = unpack;
    this.#maxBytes = maxBytes;
    if (unpack !== undefined) request.pipe(unpack);
    const source = this.#source;
    source.on("data", (chunk: Buffer) => this.#take(chunk));
    source.on("end", () => this.#end());
    unpack?.on("error", () => this.#fail(noGzip()));
    request.on("close", () => {
      if (!request.complete) this.#fail(new RpcError("CANCELLED", "the caller has gone"));
    });
    source.pause();
  }

  get #source(): IncomingMessage | Transform {
    return this.#unpack ?? this.#request;
  }

  #take(chunk: Buffer): void {
    if (this.#ended) return;
    let start = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, start)) {
      if (!this.#keep(chunk.subarray(start, at))) return;
      this.#endLine();
      start = at + 1;
    }
    if (!this.#keep(chunk.subarray(start))) return;
    if (this.#lines.length > 0) this.#source.pause();
    this.#stir();
  }

  #keep(bytes: Buffer): boolean {
    this.#partBytes += bytes.length;
    if (this.#partBytes > this.#maxBytes) {
      this.#fail(tooLong(`line ${this.#count + 1} of the body`, this.#maxBytes));
      return false;
    }
    if (bytes.length > 0) this.#part.push(bytes);
    return true;
  }

  #endLine(): void {
    const bytes = Buffer.concat(this.#part);
    this.#part = [];
    this.#partBytes = 0;
    this.#count++;
    if (bytes.length < 80 && BLANK.test(bytes.toString("latin1"))) return;
    this.#lines.push({ bytes, number: this.#count });
  }

  #end(): void {
    if (this.#ended) return;
    if (this.#partBytes > 0) this.#endLine();
    this.#ended = true;
    this.#stir();
  }

  #fail(error: Error): void {
    if (this.#ended) return;
    this.fault = error;
    this.#ended = true;
    this.#part = [];
    this.#stir();
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  async next(): Promise<IteratorResult<unknown>> {
    while (this.#lines.length === 0 && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        this.#source.resume();
      });
    const line = this.#lines.shift();
    if (line !== undefined) return { value: this.#parse(line), done: false };
    if (this.fault !== undefined) throw this.fault;
    return DONE;
  }

  #parse({ bytes, number }: Line): unknown {
    try {
      return readJson(bytes, number);
    } catch (error) {
      this.#lines = [];
      this.#ended = true;
      this.fault = error as Error;
      throw error;
    }
  }

  /** Nobody wants more: what still comes is dropped. */
  async return(): Promise<IteratorResult<unknown>> {
    this.#ended = true;
    this.#lines = [];
    this.#part = [];
    if (this.#unpack !== undefined) {
      this.#request.unpipe(this.#unpack);
      this.#unpack.destroy();
    }
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
