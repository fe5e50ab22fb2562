import { type Agent, type IncomingHttpHeaders, request } from "node:http";

const MOST_HEADER_BYTES = 64 * 1024;

export interface Post {
  readonly agent: Agent;
  readonly host: string;
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes: a text would have the headers written in its own encoding. */
  readonly body: Uint8Array;
  /** Of an answer's body. */
  readonly maxBytes: number;
}

export type PostOutcome =
  | { readonly status: number; readonly headers: IncomingHttpHeaders; readonly body: Buffer }
  /** Its body was longer than that. */
  | "too long"
  | {
      readonly lost: Error;
      /** Whether anything of it can have come to the server. */
      readonly written: boolean;
    };

/**
 * Sends one request over a kept connection and reads its answer whole.
 * @param done called exactly once, later, unless it was taken back
 * @returns takes it back: its connection is closed
 */
export function post(
  { agent, host, port, headers, body, maxBytes }: Post,
  done: (outcome: PostOutcome) => void,
) {
  let over = false;
  let written = false;
  const end = (outcome: PostOutcome): void => {
    if (over) return;
    over = true;
    done(outcome);
  };
  const lost = (error: Error): void => end({ lost: error, written });
  const req = request({
    agent,
    host,
    port,
    method: "POST",
    path: "/",
    headers: { ...headers, "Content-Length": body.length },
    maxHeaderSize: MOST_HEADER_BYTES,
  });
  req.on("socket", () => {
    written = true;
  });
  req.on("response", (response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxBytes) return void chunks.push(chunk);
      end("too long");
      req.destroy();
    });
    response.on("end", () => {
      if (response.complete)
        end({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) });
    });
    response.on("error", lost);
  });
  req.on("error", lost);
  req.on("close", () => lost(new Error("closed by the peer")));
  req.end(body);
  return (): void => {
    over = true;
    req.destroy();
  };
}
