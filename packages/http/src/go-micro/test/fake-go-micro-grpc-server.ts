import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { TypedError } from "./fake-go-micro-server.ts";

export interface FakeGrpcCall {
  readonly inputs: readonly any[];
  readonly headers: IncomingHttpHeaders;
}

/** One value, or the items of a stream. */
export type FakeGrpcHandlers = Readonly<Record<string, (call: FakeGrpcCall) => Iterable<unknown>>>;

const STATUS: Readonly<Record<number, number>> = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  408: 4,
  409: 6,
  500: 13,
  501: 12,
  503: 14,
};

/**
 * A FAKE of Go Micro's gRPC server, written from what is known of it, not by it: looks only at what follows the path's last dot (`Greeter/Hello`), takes
 * JSON, and puts its error as JSON in `grpc-message`.
 */
export class FakeGoMicroGrpcServer {
  readonly calls: FakeGrpcCall[] = [];
  readonly paths: string[] = [];
  readonly #handlers: FakeGrpcHandlers;
  readonly #server = createServer();
  readonly #sessions = new Set<ServerHttp2Session>();
  port = 0;

  constructor(handlers: FakeGrpcHandlers) {
    this.#handlers = handlers;
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("error", () => {});
      session.on("close", () => this.#sessions.delete(session));
    });
    this.#server.on("stream", (stream, headers) => void this.#answer(stream, headers));
  }

  static async start(handlers: FakeGrpcHandlers): Promise<FakeGoMicroGrpcServer> {
    const fake = new FakeGoMicroGrpcServer(handlers);
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    fake.port = (fake.#server.address() as { port: number }).port;
    return fake;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  kill(): void {
    this.#server.close();
    for (const session of this.#sessions) session.destroy();
  }

  async #answer(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on("error", () => {});
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    const path = headers[":path"] as string;
    this.paths.push(path);
    const handler = this.#handlers[path.slice(path.lastIndexOf(".") + 1)];
    stream.respond({ ":status": 200, "content-type": headers["content-type"] }, { waitForTrailers: true });
    let trailers: Record<string, string> = { "grpc-status": "0" };
    stream.once("wantTrailers", () => stream.sendTrailers(trailers));
    if (handler === undefined) {
      trailers = { "grpc-status": "12", "grpc-message": "unknown service" };
      return void stream.end();
    }
    const call = { inputs: messages(Buffer.concat(chunks)), headers };
    this.calls.push(call);
    try {
      for (const item of handler(call)) stream.write(frame(item));
    } catch (error) {
      const typed = error instanceof TypedError;
      const status = typed ? (STATUS[JSON.parse(error.json).code] ?? 2) : 2;
      const text = typed ? error.json : (error as Error).message;
      trailers = { "grpc-status": String(status), "grpc-message": percent(text) };
    }
    stream.end();
  }
}

function frame(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(5);
  head.writeUInt32BE(json.length, 1);
  return Buffer.concat([head, json]);
}

function messages(bytes: Buffer): unknown[] {
  const all: unknown[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 1);
    all.push(JSON.parse(bytes.toString("utf8", at + 5, at + 5 + length)));
    at += 5 + length;
  }
  return all;
}

function percent(text: string): string {
  return [...Buffer.from(text)]
    .map((b) =>
      b < 0x20 || b > 0x7e || b === 0x25
        ? `%${b.toString(16).toUpperCase().padStart(2, "0")}`
        : String.fromCharCode(b),
    )
    .join("");
}
