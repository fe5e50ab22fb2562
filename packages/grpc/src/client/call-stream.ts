import { type ClientHttp2Stream, constants, type IncomingHttpHeaders } from "node:http2";
import { RpcError } from "@skein/core";
import type { ItemSource, OutgoingCall } from "@skein/core/internal";
import { givesStream, takesStream } from "../handler.ts";
import { decompressNow, frame, type MessageLimit, MessageSplitter } from "../messages.ts";
import type { GrpcMethod } from "./dialect.ts";
import { broken, unreadable } from "./faults.ts";
import { InputPump } from "./input-pump.ts";
import { httpError, readStatus } from "./status-error.ts";

/** What a call's stream tells its session. */
export interface CallStreamPort {
  readonly limit: MessageLimit;
  /** Bytes of items that may wait for their reader. */
  readonly windowBytes: number;
  /** The answer is whole. */
  finished(stream: CallStream, value: unknown): void;
  /** The answer will not come, or is none. */
  failed(stream: CallStream, error: RpcError): void;
  /** The server ended the call with a status that is not OK. */
  refused(stream: CallStream, trailers: IncomingHttpHeaders): void;
  /** Reset by code, without a word; or the connection has ended, and the session knows more. */
  reset(stream: CallStream, code: number): void;
  /** So many bytes more (or less) wait to be sent. */
  unsent(bytes: number): void;
  /** The reader of the items has gone. */
  abandoned(stream: CallStream): void;
}

/** One call on its HTTP/2 stream. */
export class CallStream implements ItemSource {
  readonly call: OutgoingCall;
  readonly #method: GrpcMethod;
  readonly #port: CallStreamPort;
  readonly #splitter: MessageSplitter;
  /** Where it takes one. */
  readonly #pump: InputPump | undefined;
  readonly #input: Buffer | undefined;
  #stream: ClientHttp2Stream | undefined;
  #over = false;
  #encoding: string | undefined;
  #trailers: IncomingHttpHeaders | undefined;
  #ended = false;
  #answered = false;
  #value: unknown;
  /** Of items: given, and not read yet. */
  #waiting = 0;

  /** @throws what the input fails with before anything is sent */
  constructor(call: OutgoingCall, method: GrpcMethod, port: CallStreamPort) {
    this.call = call;
    this.#method = method;
    this.#port = port;
    this.#splitter = new MessageSplitter(port.limit);
    if (!takesStream(call.endpoint.kind)) this.#input = this.#encode(call.input);
    else
      this.#pump = new InputPump(call.input, {
        send: (item) => this.#write(this.#encode(item)),
        taken: () => {
          call.inputTaken = true;
        },
        ended: () => void this.#stream?.end(),
        failed: (cause) =>
          this.#fail(new RpcError("CANCELLED", "the input stream failed", { executed: "maybe", cause })),
      });
  }

  get id(): number | undefined {
    return this.#stream?.id;
  }

  #encode(value: unknown): Buffer {
    const message = this.#method.format.encode(value);
    const { maxBytes, option } = this.#port.limit;
    if (message.length > maxBytes)
      throw new RpcError(
        "RESOURCE_EXHAUSTED",
        `the input has ${message.length} bytes, and at most ${maxBytes} are sent (${option})`,
        { executed: "no" },
      );
    return frame(message);
  }

  /** The request's headers were sent. */
  open(stream: ClientHttp2Stream): void {
    this.#stream = stream;
    stream.on("response", (headers) => this.#head(headers));
    stream.on("trailers", (trailers) => {
      if (trailers["grpc-status"] !== undefined) this.#trailers = trailers;
      this.#settle();
    });
    stream.on("data", (chunk: Buffer) => this.#data(chunk));
    stream.on("end", () => {
      this.#ended = true;
      this.#settle();
      // Trailers come before the end; without any, our half may still be open, and would be for ever.
      if (!this.#over) setImmediate(() => this.#unsaid());
    });
    // It is closed then: that is heard below.
    stream.on("error", () => {});
    stream.on("close", () => this.#closed(stream.rstCode ?? constants.NGHTTP2_NO_ERROR));
    this.call.items?.connect(this);
    if (this.#pump !== undefined) {
      stream.on("drain", () => this.#pump?.resume());
      this.#pump.resume();
    } else {
      const input = this.#input as Buffer;
      this.#port.unsent(input.length);
      stream.end(input, () => this.#port.unsent(-input.length));
    }
  }

  #write(message: Buffer): boolean {
    const { length } = message;
    this.#port.unsent(length);
    return (this.#stream as ClientHttp2Stream).write(message, () => this.#port.unsent(-length));
  }

  // ---- the answer

  #head(headers: IncomingHttpHeaders): void {
    if (headers["grpc-status"] !== undefined) this.#trailers = headers;
    else {
      const fault = httpError(headers);
      if (fault !== undefined) return this.#fail(fault);
    }
    this.#encoding = headers["grpc-encoding"] as string | undefined;
  }

  #data(chunk: Buffer): void {
    if (this.#over) return;
    try {
      this.#splitter.add(chunk);
      for (let next = this.#splitter.next(); next !== undefined; next = this.#splitter.next()) {
        const { compressed, bytes } = next;
        this.#message(compressed ? decompressNow(bytes, this.#encoding, this.#port.limit) : bytes);
        if (this.#over) return;
      }
    } catch (error) {
      this.#fail(unreadable(error));
    }
  }

  #message(bytes: Uint8Array): void {
    const value = this.#method.format.decode(bytes);
    const { items } = this.call;
    if (items !== undefined) {
      this.#waiting += bytes.length + 1;
      items.push(value, bytes.length + 1);
      if (this.#waiting >= this.#port.windowBytes) this.#stream?.pause();
      return;
    }
    if (this.#answered) throw new Error("a second message came where one is the answer");
    this.#answered = true;
    this.#value = value;
  }

  #settle(): void {
    if (this.#over || !this.#ended || this.#trailers === undefined) return;
    if (readStatus(this.#trailers) !== undefined) return this.#refused(this.#trailers);
    if (this.#splitter.within) return this.#fail(unreadable(new Error("it ended within a message")));
    if (!givesStream(this.call.endpoint.kind) && !this.#answered)
      return this.#fail(unreadable(new Error("it has no message")));
    this.#end(constants.NGHTTP2_NO_ERROR);
    this.#port.finished(this, this.#value);
  }

  #refused(trailers: IncomingHttpHeaders): void {
    this.#end(constants.NGHTTP2_NO_ERROR);
    this.#port.refused(this, trailers);
  }

  #closed(code: number): void {
    if (this.#over) return;
    const trailers = this.#trailers;
    // Of an answer that is well but was not read to its end, something is lost.
    if (trailers !== undefined && readStatus(trailers) !== undefined) return this.#refused(trailers);
    if (code === constants.NGHTTP2_NO_ERROR && this.#ended) return this.#unsaid();
    this.#end(constants.NGHTTP2_NO_ERROR);
    this.#port.reset(this, code);
  }

  #unsaid(): void {
    this.#fail(broken("INTERNAL", "the answer ended without grpc-status"));
  }

  #fail(error: RpcError): void {
    if (this.#over) return;
    this.#end(constants.NGHTTP2_CANCEL);
    this.#port.failed(this, error);
  }

  /** Nothing more is told of it. */
  #end(code: number): void {
    this.#over = true;
    this.#pump?.stop();
    this.call.items?.connect(undefined);
    const stream = this.#stream;
    if (stream === undefined || stream.closed || stream.destroyed) return;
    // A half that is still open is not needed: the server has ended the call, or shall.
    if (code !== constants.NGHTTP2_NO_ERROR || !stream.writableEnded) stream.close(constants.NGHTTP2_CANCEL);
  }

  /** Nobody waits for it: the server is told, and nothing more is heard of it. */
  cancel(): void {
    if (!this.#over) this.#end(constants.NGHTTP2_CANCEL);
  }

  // ---- told by the reader of the items

  consumed(bytes: number): void {
    const { windowBytes } = this.#port;
    this.#waiting -= bytes;
    if (this.#waiting < windowBytes / 2 && this.#stream?.isPaused() === true) this.#stream.resume();
  }

  abandoned(): void {
    this.cancel();
    this.#port.abandoned(this);
  }
}
