import { createSocket } from "node:dgram";
import { connect, isIP } from "node:net";
import type { Clock } from "@skein/core";
import type { DnsMessage, DnsQuestion } from "./dns-message.ts";

/** There was no answer in time: worth another try. */
export class NoAnswerError extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
    this.name = "NoAnswerError";
  }
}

export interface ExchangeOptions {
  /** IP address of the server. */
  readonly address: string;
  readonly port: number;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

interface Settle {
  resolve(message: DnsMessage): void;
  reject(error: unknown): void;
}

/** Begins, and returns what ends it. */
type Begin = (settle: Settle) => () => void;

/** Settles once; whatever the outcome, `begin` is ended before. */
function exchange(options: ExchangeOptions, begin: Begin): Promise<DnsMessage> {
  const { clock, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = (): void => finish(() => reject(signal.reason));
    const timer = clock.setTimer(timeoutMs, () => finish(() => reject(new NoAnswerError(timeoutMs))));
    let over = false;
    let end = (): void => {};
    const finish = (settle: () => void): void => {
      if (over) return;
      over = true;
      timer.cancel();
      signal.removeEventListener("abort", stop);
      end();
      settle();
    };
    signal.addEventListener("abort", stop, { once: true });
    end = begin({
      resolve: (message) => finish(() => resolve(message)),
      reject: (error) => finish(() => reject(error)),
    });
  });
}

/** Asks by UDP from a port of its own. What is no answer to the question, or comes from elsewhere, is not looked at. */
export function askUdp(question: DnsQuestion, options: ExchangeOptions): Promise<DnsMessage> {
  const { address, port } = options;
  const family = isIP(address);
  return exchange(options, ({ resolve, reject }) => {
    const socket = createSocket({
      type: family === 6 ? "udp6" : "udp4",
      // Addresses only: the default would be dns.lookup.
      lookup: (host, _, found) => found(null, host, family),
    });
    // Errors may still come once it is over.
    socket.on("error", reject);
    socket.on("message", (bytes) => {
      const answer = question.answerIn(bytes);
      if (answer !== undefined) resolve(answer);
    });
    // Connected: the system lets through what comes from the server only, and says when nobody listens there.
    socket.connect(port, address, () => {
      if (!over) socket.send(question.bytes, (error) => error && reject(error));
    });
    let over = false;
    return () => {
      over = true;
      socket.close();
    };
  });
}

/** Asks by TCP, by a connection of its own. */
export function askTcp(question: DnsQuestion, options: ExchangeOptions): Promise<DnsMessage> {
  return exchange(options, ({ resolve, reject }) => {
    const socket = connect({ host: options.address, port: options.port, noDelay: true });
    let received = Buffer.alloc(0);
    socket.on("error", (cause) => reject(new Error(`by TCP: ${cause.message}`, { cause })));
    socket.on("close", () => reject(new Error("by TCP: closed the connection without an answer")));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const answer = question.answerIn(received.subarray(2, 2 + received.readUInt16BE(0)));
      if (answer === undefined) reject(new Error("by TCP: answered something else"));
      else resolve(answer);
    });
    const length = Buffer.alloc(2);
    length.writeUInt16BE(question.bytes.length);
    socket.write(Buffer.concat([length, question.bytes]));
    return () => socket.destroy();
  });
}
