import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What a handler of the fake ends in, beside a value. */
export class TypedError extends Error {
  readonly json: string;
  constructor(id: string, code: number, detail: string, status: string) {
    super(detail);
    this.json = JSON.stringify({ id, code, detail, status });
  }
}
export class PlainError extends Error {}
export class Panic extends Error {}

export interface FakeCall {
  readonly input: any;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Socket;
  /** The caller has gone before it was answered. */
  readonly gone: Promise<unknown>;
}

export type FakeHandlers = Readonly<Record<string, (call: FakeCall) => unknown>>;

/**
 * A FAKE of Go Micro's HTTP server, written from what is known of it, not by it: the status is always 200, errors are in `Micro-Error`, every answer has
 * the headers of the connection's first request, a panic is never answered, and neither is a request on a used connection without a `Micro-Stream` of its
 * own (with the real one, one in a thousand is not).
 */
export class FakeGoMicroServer {
  readonly calls: FakeCall[] = [];
  readonly #handlers: FakeHandlers;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  readonly #sockets = new Set<Socket>();
  readonly #first = new WeakMap<Socket, IncomingHttpHeaders>();
  readonly #streams = new WeakMap<Socket, Set<string>>();
  connections = 0;
  port = 0;

  constructor(handlers: FakeHandlers) {
    this.#handlers = handlers;
    this.#server.keepAliveTimeout = 0;
    this.#server.on("connection", (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  static async start(handlers: FakeHandlers, port = 0): Promise<FakeGoMicroServer> {
    const fake = new FakeGoMicroServer(handlers);
    fake.#server.listen(port, "127.0.0.1");
    await once(fake.#server, "listening");
    fake.port = (fake.#server.address() as { port: number }).port;
    return fake;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  get open(): number {
    return this.#sockets.size;
  }

  /** As `kill -9` does it. */
  kill(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  closeIdle(): void {
    for (const socket of this.#sockets) socket.end();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, socket } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    if (!this.#answers(socket, headers)) return;
    const echoed: Record<string, string | string[] | undefined> = { ...this.#first.get(socket) };
    delete echoed["content-length"];
    if (headers["content-type"] !== "application/json") {
      response.writeHead(200, { ...echoed, "content-type": "text/plain" });
      return void response.end(`unsupported Content-Type: ${headers["content-type"]}`);
    }
    const error = (text: string): void => {
      response.writeHead(200, { ...echoed, "micro-error": Buffer.from(text).toString("latin1") });
      response.end();
    };
    const [type, method] = String(headers["micro-endpoint"]).split(".");
    const handler = this.#handlers[`${type}.${method}`];
    if (!Object.keys(this.#handlers).some((name) => name.startsWith(`${type}.`)))
      return error(`rpc: can't find service ${type}`);
    if (handler === undefined) return error(`rpc: can't find method ${method}`);
    const call = {
      input: body === "" ? undefined : JSON.parse(body),
      headers,
      socket,
      gone: once(response, "close"),
    };
    this.calls.push(call);
    try {
      const value = await handler(call);
      if (response.destroyed) return;
      response.writeHead(200, echoed as Record<string, string>);
      response.end(`${JSON.stringify(value)}\n`);
    } catch (thrown) {
      if (thrown instanceof Panic) return;
      error(thrown instanceof TypedError ? thrown.json : (thrown as Error).message);
    }
  }

  #answers(socket: Socket, headers: IncomingHttpHeaders): boolean {
    const stream = headers["micro-stream"] as string | undefined;
    const seen = this.#streams.get(socket) ?? new Set<string>();
    const used = this.#first.has(socket);
    if (!used) this.#first.set(socket, headers);
    this.#streams.set(socket, seen);
    if (used && (stream === undefined || seen.has(stream))) return false;
    seen.add(stream ?? "");
    return true;
  }
}
