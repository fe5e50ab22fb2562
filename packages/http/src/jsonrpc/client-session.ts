import type { Socket } from "node:net";
import { type ForeignSessionOptions, RpcError } from "@skein/core";
import {
  assumedUnary,
  type ClientSession,
  ForeignSession,
  type ForeignWire,
  type OutgoingCall,
  unavailable,
} from "@skein/core/internal";
import { dialServer, type JsonrpcTlsOptions, serverAddress } from "./dial.ts";
import { MessageScanner, ScanError } from "./message-scanner.ts";
import { readAnswer, requestText } from "./messages.ts";

/** net/rpc has no ping: any server answers that it does not know this, which says that it lives. */
const PING = "Skein.Ping";
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
const MAX_DEPTH = 66;

export interface JsonrpcSessionOptions extends ForeignSessionOptions {
  /** `Arith.Multiply` for an endpoint. */
  readonly goName: (method: string) => string;
  /** Undefined: TLS where the address asks for it. */
  readonly tls?: JsonrpcTlsOptions | undefined;
}

/**
 * Calls to one net/rpc server over one connection, as many at once as there are, answered in any order.
 * @throws Error for an address that cannot be dialled
 */
export function createJsonrpcSession(options: JsonrpcSessionOptions): ClientSession {
  const { host, port } = serverAddress(options.address.url);
  return new ForeignSession<number>({
    options,
    remote: `${host}:${port}`,
    endpoint: assumedUnary,
    connect: (session) => new JsonrpcWire(options, session),
  });
}

/** What is sent is known by its id. The protocol has no cancellation: the server goes on, and its answer is dropped. */
class JsonrpcWire implements ForeignWire<number> {
  readonly #goName: JsonrpcSessionOptions["goName"];
  readonly #session: ForeignSession<number>;
  readonly #socket: Socket;
  readonly #scanner: MessageScanner;
  readonly #calls = new Map<number, OutgoingCall>();
  #lastId = 0;

  constructor({ address, limits, goName, tls }: JsonrpcSessionOptions, session: ForeignSession<number>) {
    this.#goName = goName;
    this.#session = session;
    this.#scanner = new MessageScanner(
      { maxBytes: limits?.maxMessageBytes ?? MAX_MESSAGE_BYTES, maxDepth: limits?.maxDepth ?? MAX_DEPTH },
      (text) => this.#answer(text),
    );
    this.#socket = dialServer(serverAddress(address.url), tls, () => session.ready());
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", (error) => this.#lost(`was lost: ${error.message}`, error));
    this.#socket.on("end", () => this.#lost("was closed by the peer"));
    this.#socket.on("close", () => this.#lost("was closed by the peer"));
  }

  send(call: OutgoingCall): number {
    const id = ++this.#lastId;
    const text = this.#text(id, call);
    call.id = id;
    this.#calls.set(id, call);
    this.#socket.write(text);
    return id;
  }

  /** @throws RpcError */
  #text(id: number, { endpoint, input }: OutgoingCall): string {
    try {
      return requestText(id, this.#goName(endpoint.name), input);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      const options = { executed: "no", cause } as const;
      throw new RpcError("INVALID_ARGUMENT", `the input cannot be JSON: ${why}`, options);
    }
  }

  takeBack(id: number): void {
    this.#calls.delete(id);
  }

  unsentBytes(): number {
    return this.#socket.writableLength;
  }

  bytesRead(): number {
    return this.#socket.bytesRead;
  }

  ping(): void {
    this.#socket.write(requestText(0, PING, undefined));
  }

  end(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#session.state === "closed") return;
    try {
      this.#scanner.push(chunk);
    } catch (error) {
      const why = error instanceof ScanError ? error.message : "an answer could not be handled";
      const text = `${this.#session.remote} broke the protocol: ${why}`;
      this.#session.end(unavailable(text, "maybe", "none", error));
    }
  }

  #answer(text: string): void {
    const { id, value, error } = readAnswer(text);
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    if (error === undefined) this.#session.finish(call, value);
    else this.#session.fail(call, error);
  }

  #lost(how: string, cause?: Error): void {
    const text = `the connection to ${this.#session.remote} ${how}`;
    this.#session.end(unavailable(text, "maybe", "none", cause));
  }
}
