import type { Socket } from "node:net";
import { type CallOptions, type DoorConnection, type DoorHost, RpcError, type Timer } from "@skein/core";
import { anyService, type FoundName, socketAddress } from "@skein/core/internal";
import type { GoNameBook } from "../go-name-book.ts";
import type { JsonrpcLimits } from "./limits.ts";
import { MessageScanner, ScanError } from "./message-scanner.ts";
import { errorAnswer, type Request, readRequest, resultAnswer } from "./messages.ts";

/** A closed socket's last bytes are read for so long, ms: closing over unread bytes would take back the answers sent before. */
const LINGER_MS = 250;
const KEEP_ALIVE_MS = 30_000;

export interface PeerOptions {
  readonly host: DoorHost;
  readonly names: GoNameBook;
  readonly limits: JsonrpcLimits;
  /** Of each call, ms. */
  readonly timeoutMs: number | undefined;
  readonly errorText: (error: RpcError) => string;
  /** It sent what is no JSON-RPC, and its connection is closed. */
  readonly hostile: (peer: string, why: string) => void;
  /** Its socket is closed. */
  readonly gone: (peer: Peer) => void;
}

interface Call {
  readonly id: string;
  readonly goName: string;
  readonly found: FoundName;
  readonly input: unknown;
}

/** One connection: its requests become calls, their outcomes answers, in whichever order they come. */
export class Peer {
  readonly #socket: Socket;
  readonly #o: PeerOptions;
  readonly #address: string;
  readonly #to: DoorConnection;
  readonly #options: CallOptions;
  readonly #scanner: MessageScanner;
  #running = 0;
  /** What a read brought beyond the calls that may run at once. */
  readonly #waiting: Call[] = [];
  /** No more is read: it sent what is no JSON-RPC, or the door closes. */
  #deaf = false;
  /** It has sent its last byte. */
  #ended = false;
  #corked = false;
  #messageTimer: Timer | undefined;
  #lastTimer: Timer | undefined;

  constructor(socket: Socket, options: PeerOptions) {
    const { host, limits } = options;
    this.#socket = socket;
    this.#o = options;
    this.#address = socketAddress(socket);
    this.#to = host.connect(this.#address);
    this.#options = options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs };
    this.#scanner = new MessageScanner(
      { maxBytes: limits.maxMessageBytes, maxDepth: limits.maxDepth },
      (text) => this.#request(readRequest(text)),
    );
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("drain", () => {
      socket.setTimeout(0);
      this.#flow();
    });
    socket.on("timeout", () => socket.destroy());
    socket.on("end", () => this.#end());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#close());
    socket.resume();
  }

  /** Reads no more, and ends once what is in flight has been answered. */
  retire(): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.#messageTimer?.cancel();
    if (this.#idle) this.#goodbye();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  // ---- what comes

  #read(chunk: Buffer): void {
    if (this.#deaf) return;
    try {
      this.#scanner.push(chunk);
    } catch (error) {
      if (!(error instanceof ScanError)) throw error;
      return this.#refuse(error.message);
    }
    this.#time();
    this.#flow();
  }

  /** A message that drips is not waited for: a further byte does not lengthen its time. */
  #time(): void {
    if (!this.#scanner.within) {
      this.#messageTimer?.cancel();
      this.#messageTimer = undefined;
      return;
    }
    const { messageMs } = this.#o.limits;
    this.#messageTimer ??= this.#o.host.runtime.clock.setTimer(messageMs, () =>
      this.#refuse(`a message was not whole within ${messageMs} ms`),
    );
  }

  /** What was asked before is answered still. */
  #refuse(why: string): void {
    this.#o.hostile(this.#address, why);
    this.retire();
  }

  #flow(): void {
    if (this.#deaf || this.#ended) return;
    if (this.#full || this.#socket.writableNeedDrain) this.#socket.pause();
    else this.#socket.resume();
  }

  // ---- calls

  get #full(): boolean {
    return this.#running >= this.#o.limits.maxCalls;
  }

  get #idle(): boolean {
    return this.#running + this.#waiting.length === 0;
  }

  #request({ id, method, input, fault }: Request): void {
    if (fault !== undefined)
      return this.#write(this.#failure(id, new RpcError("INVALID_ARGUMENT", fault, { executed: "no" })));
    const found = this.#o.names.find(method);
    if (typeof found === "string") return this.#write(errorAnswer(id, found));
    if (found.kind !== undefined && found.kind !== "unary")
      return this.#write(this.#failure(id, noStreams(found)));
    const call = { id, goName: method, found, input };
    if (this.#full) this.#waiting.push(call);
    else void this.#answer(call);
  }

  async #answer({ id, goName, found: { service, method }, input }: Call): Promise<void> {
    this.#running++;
    let answer: string;
    try {
      answer = resultAnswer(id, await this.#call(service, method, input));
    } catch (error) {
      const known = RpcError.from(error);
      if (known.code === "NOT_FOUND" || known.code === "UNIMPLEMENTED") this.#o.names.forget(goName);
      answer = this.#failure(id, known);
    }
    this.#running--;
    this.#write(answer);
    const next = this.#waiting.shift();
    if (next !== undefined) void this.#answer(next);
    this.#flow();
    if (this.#idle && (this.#deaf || this.#ended)) this.#goodbye();
  }

  #call(service: string, method: string, input: unknown): PromiseLike<unknown> {
    return anyService(this.#to.client, service).call(method, input, this.#options);
  }

  #failure(id: string, error: RpcError): string {
    return errorAnswer(id, this.#o.errorText(error));
  }

  /** Answers of one tick leave together. */
  #write(answer: string): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      this.#o.host.runtime.defer(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    if (!socket.write(answer) && !socket.timeout) socket.setTimeout(this.#o.limits.stallMs);
  }

  // ---- the end

  #end(): void {
    this.#ended = true;
    if (this.#idle) return this.#goodbye();
    const { halfClosedMs } = this.#o.limits;
    this.#lastTimer ??= this.#o.host.runtime.clock.setTimer(halfClosedMs, () => this.#socket.destroy());
  }

  #goodbye(): void {
    const socket = this.#socket;
    this.#lastTimer?.cancel();
    this.#lastTimer = this.#o.host.runtime.clock.setTimer(LINGER_MS, () => socket.destroy());
    socket.end();
    socket.resume();
  }

  #close(): void {
    this.#messageTimer?.cancel();
    this.#lastTimer?.cancel();
    this.#deaf = true;
    this.#waiting.length = 0;
    this.#to.close();
    this.#o.gone(this);
  }
}

function noStreams({ service, method, kind }: FoundName): RpcError {
  return new RpcError(
    "UNIMPLEMENTED",
    `${service}.${method} is a ${kind}: net/rpc carries one answer a call; use HTTP, gRPC or a client of Skein's`,
    { executed: "no" },
  );
}
