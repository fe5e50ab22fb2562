import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { type Clock, RpcError } from "@skein/core";
import { errorAnswer } from "./error-answer.ts";
import type { Exchange } from "./exchange.ts";
import { commonHeaders } from "./send.ts";
import { writeJson } from "./write-json.ts";

/** For so long an answer waits for its first item, ms: an error that comes until then has a status of its own. */
const HEAD_MS = 1000;
/** A comment in a quiet stream of events keeps what lies between from giving up on it, ms. */
const BEAT_MS = 15_000;
/** Tells, behind the items, how it ended. */
const TRAILER = "skein-code";

interface StreamFormat {
  readonly type: string;
  readonly item: (json: string) => string;
  readonly error: (json: string) => string;
  readonly end: string;
  readonly beat: string | undefined;
}

const LINES: StreamFormat = {
  type: "application/x-ndjson; charset=utf-8",
  item: (json) => `${json}\n`,
  error: (json) => `{"error":${json}}\n`,
  end: "",
  beat: undefined,
};

const EVENTS: StreamFormat = {
  type: "text/event-stream; charset=utf-8",
  item: (json) => `data: ${json}\n\n`,
  error: (json) => `event: error\ndata: ${json}\n\n`,
  // An EventSource that is not told would ask again.
  end: "event: end\ndata: null\n\n",
  beat: ": \n\n",
};

/**
 * Sends items as they come: events (`Accept: text/event-stream`), else a JSON value a line. Not faster than they are taken.
 * @param faultOf what is wrong with the input, which says more than what became of the call
 * @throws what the call ended with, as long as nothing was sent
 */
export async function sendStream(
  exchange: Exchange,
  items: AsyncIterable<unknown>,
  headers: OutgoingHttpHeaders,
  clock: Clock,
  faultOf: () => Error | undefined,
): Promise<void> {
  const { request, response } = exchange;
  const format = /\btext\/event-stream\b/i.test(request.headers.accept ?? "") ? EVENTS : LINES;
  const iterator = items[Symbol.asyncIterator]();
  const first = iterator.next();
  await either(first, HEAD_MS, clock);
  response.writeHead(200, {
    "content-type": format.type,
    ...commonHeaders(exchange),
    "x-accel-buffering": "no",
    // Before HTTP/1.1 there are no chunks, and so no trailers: the connection's end is the end.
    ...(response.useChunkedEncodingByDefault && { trailer: TRAILER }),
    ...headers,
  });
  response.flushHeaders();
  const quiet = beat(response, format, clock);
  try {
    for (let next = await first; !next.done; next = await iterator.next())
      await write(exchange, format.item(writeJson(next.value)));
    finish(exchange, format.end, "OK");
  } catch (error) {
    const { body } = errorAnswer(faultOf() ?? error);
    finish(exchange, format.error(writeJson(body)), body.code);
  } finally {
    quiet.stop();
    void iterator.return?.();
  }
}

/** Resolves when the promise has, or after so long; rejects when it does. */
function either(promise: Promise<unknown>, ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(ms, resolve);
    promise.then(
      () => {
        timer.cancel();
        resolve();
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}

/** Resolves when the next one may be sent. */
async function write({ response, request, limits }: Exchange, text: string): Promise<void> {
  if (response.destroyed) throw new RpcError("CANCELLED", "the caller has gone");
  if (response.write(text)) return;
  const { socket } = request;
  socket.setTimeout(limits.stallMs);
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("drain", done).off("close", done);
      resolve();
    };
    response.on("drain", done).on("close", done);
  });
  socket.setTimeout(0);
}

function finish({ response, request, limits }: Exchange, text: string, code: string): void {
  if (response.destroyed) return;
  response.addTrailers({ [TRAILER]: code });
  request.socket.setTimeout(limits.stallMs);
  response.end(text);
}

function beat(response: ServerResponse, { beat: text }: StreamFormat, clock: Clock): { stop(): void } {
  if (text === undefined) return { stop() {} };
  const again = () =>
    clock.setTimer(BEAT_MS, () => {
      if (!response.writableNeedDrain) response.write(text);
      timer = again();
    });
  let timer = again();
  return { stop: () => timer.cancel() };
}
