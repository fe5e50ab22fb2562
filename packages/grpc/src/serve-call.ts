import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type Clock, type Logger, RpcError } from "@skein/core";
import type { DoorCallers } from "@skein/core/internal";
import { isGoMicro } from "./endpoints.ts";
import type { Format } from "./format.ts";
import { givesStream, type Handler, takesStream } from "./handler.ts";
import { ENCODINGS, frame, readMessages } from "./messages.ts";
import { goMicroTrailers, OK_TRAILERS, statusTrailers } from "./status.ts";
import { parseTimeout } from "./timeout.ts";

/** What a call needs of its door. */
export interface CallParts {
  readonly logger: Logger;
  readonly maxMessageBytes: number;
  /** For the message of a request that is no stream, ms. */
  readonly requestMs: number;
  readonly clock: Clock;
  /** @throws RpcError UNIMPLEMENTED */
  find(path: string): Handler;
  /** True: this process is about to end, and the peer was told. Asked about refusals. */
  leaving(): boolean;
}

/** After the answer: how long a peer may go on sending what nobody reads, ms. */
const UNREAD_MS = 1000;

/** Answers one HTTP/2 request. Never rejects. */
export async function serveCall(
  parts: CallParts,
  callers: DoorCallers,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
): Promise<void> {
  const contentType = (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
  // A stream that fails is closed: that is heard below.
  stream.on("error", () => {});
  if (headers[":method"] !== "POST" || !/^application\/grpc(\+|$)/.test(contentType))
    return refuse(stream, headers);
  const gone = new AbortController();
  stream.once("close", () => gone.abort());
  const answer = new Answer(stream, contentType);
  try {
    const handler = parts.find(headers[":path"] ?? "");
    answer.format = handler.format(contentType);
    const requests = new Requests(parts, stream, headers, answer.format);
    const began = parts.clock.monotonic();
    const given = parseTimeout(headers["grpc-timeout"] as string | undefined);
    const input = takesStream(handler.kind) ? requests : await only(requests, parts, given);
    const timeoutMs = given && Math.max(1, given - (parts.clock.monotonic() - began));
    try {
      const result = handler.run(input, { headers, callers, timeoutMs, signal: gone.signal });
      if (givesStream(handler.kind))
        for await (const item of result as AsyncIterable<unknown>) await answer.write(item);
      else await answer.write(await result);
    } catch (error) {
      throw requests.fault ?? error;
    }
    answer.end(OK_TRAILERS);
  } catch (error) {
    if (stream.closed || stream.destroyed) return;
    if (!RpcError.is(error))
      parts.logger.error({ err: error, path: headers[":path"] }, "a gRPC call failed within the door");
    const known = RpcError.from(error);
    // Refused because we leave: the peer's library tries it elsewhere by itself, as nothing of it was processed.
    if (!answer.begun && elsewhere(known) && parts.leaving()) stream.close(constants.NGHTTP2_REFUSED_STREAM);
    else
      answer.end(isGoMicro(headers) ? goMicroTrailers(known, headers[":path"] ?? "") : statusTrailers(known));
  }
}

/** A peer that does not send its message, or lets it drip, is not waited for. */
function only(requests: Requests, { clock, requestMs }: CallParts, givenMs = requestMs): Promise<unknown> {
  const ms = Math.min(requestMs, givenMs);
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(ms, () =>
      reject(
        new RpcError("DEADLINE_EXCEEDED", `the request's message was not whole after ${Math.round(ms)} ms`, {
          executed: "no",
        }),
      ),
    );
    requests
      .only()
      .then(resolve, reject)
      .finally(() => timer.cancel());
  });
}

function elsewhere({ code, executed }: RpcError): boolean {
  return code === "UNAVAILABLE" && executed === "no";
}

/** Not gRPC: said in HTTP's words. */
function refuse(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
  const status = headers[":method"] === "POST" ? 415 : 405;
  stream.respond({ ":status": status, "content-type": "text/plain" });
  stream.end("this is gRPC: POST with content-type application/grpc or application/grpc+json\n");
  stream.resume();
}

/** The request's messages, decoded. */
class Requests implements AsyncIterable<unknown> {
  readonly #messages: AsyncGenerator<Uint8Array>;
  readonly #format: Format;
  /** What was wrong with them. */
  fault: unknown;

  constructor(parts: CallParts, stream: ServerHttp2Stream, headers: IncomingHttpHeaders, format: Format) {
    this.#format = format;
    this.#messages = readMessages(stream, headers["grpc-encoding"] as string | undefined, {
      maxBytes: parts.maxMessageBytes,
      option: "maxMessageBytes of grpcDoor",
    });
  }

  /** @throws RpcError when there is none */
  async only(): Promise<unknown> {
    const { value, done } = await this.#messages.next();
    if (done === true)
      throw new RpcError("INVALID_ARGUMENT", "the request has no message: send one", { executed: "no" });
    return this.#format.decode(value);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    try {
      for await (const message of this.#messages) yield this.#format.decode(message);
    } catch (error) {
      this.fault = error;
      throw error;
    }
  }
}

class Answer {
  readonly #stream: ServerHttp2Stream;
  readonly #contentType: string;
  format: Format | undefined;
  /** Headers have left. */
  begun = false;
  #trailers = OK_TRAILERS;

  constructor(stream: ServerHttp2Stream, contentType: string) {
    this.#stream = stream;
    this.#contentType = contentType;
  }

  /** Resolves when more may be written. Rejects when the peer has gone. */
  async write(value: unknown): Promise<void> {
    const stream = this.#stream;
    const bytes = frame((this.format as Format).encode(value));
    if (stream.closed || stream.destroyed) throw new RpcError("CANCELLED", "the peer has gone");
    this.#begin();
    if (stream.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stream.off("drain", done);
        stream.off("close", done);
        resolve();
      };
      stream.on("drain", done);
      stream.on("close", done);
    });
  }

  #begin(): void {
    if (this.begun) return;
    this.begun = true;
    this.#stream.respond(
      {
        ":status": 200,
        "content-type": this.format?.contentType ?? this.#contentType,
        "grpc-accept-encoding": ENCODINGS,
      },
      { waitForTrailers: true },
    );
    this.#stream.once("wantTrailers", () => {
      this.#stream.sendTrailers(this.#trailers);
      this.#leaveUnread();
    });
  }

  end(trailers: typeof OK_TRAILERS): void {
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return;
    if (this.begun) {
      this.#trailers = trailers;
      stream.end();
      return;
    }
    stream.respond({ ":status": 200, "content-type": this.#contentType, ...trailers }, { endStream: true });
    this.#leaveUnread();
  }

  /** The peer may still be sending: read to nowhere, so that its window does not hold up the others, and not for ever. */
  #leaveUnread(): void {
    const stream = this.#stream;
    if (stream.readableEnded || stream.closed) return;
    stream.resume();
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), UNREAD_MS).unref();
    stream.once("close", () => clearTimeout(timer));
  }
}
