import type { Msg } from "nats";
import type { NatsMessageHeaders } from "./nats-port.ts";

const FIRST_LINE = /^NATS\/1\.0(?: +([0-9]{3}))?(?: +(.*))?$/;

/**
 * As the library's, in a time that grows with their length: the library's own takes the square of their number, on reading and on each look-up, so that one message
 * of 1 MiB of them would hold this process for minutes.
 */
export class MessageHeaders implements NatsMessageHeaders {
  readonly code: number;
  readonly description: string;
  readonly #lines: string;
  #names: readonly string[] | undefined;
  readonly #first = new Map<string, string>();

  /** @param text as it came: `NATS/1.0`, then lines of `name: value` */
  constructor(text: string) {
    const end = text.indexOf("\r\n");
    const [, code = "0", description = ""] = FIRST_LINE.exec(end < 0 ? text : text.slice(0, end)) ?? [];
    this.code = Number(code);
    this.description = description.trim();
    this.#lines = end < 0 ? "" : text.slice(end + 2);
  }

  get(name: string): string {
    this.#read();
    return this.#first.get(name.toLowerCase()) ?? "";
  }

  names(): readonly string[] {
    return this.#read();
  }

  #read(): readonly string[] {
    if (this.#names !== undefined) return this.#names;
    const names = new Set<string>();
    for (const line of this.#lines.split("\r\n")) {
      const colon = line.indexOf(":");
      if (colon < 0) continue;
      const name = line.slice(0, colon);
      names.add(name);
      const key = name.toLowerCase();
      if (!this.#first.has(key)) this.#first.set(key, line.slice(colon + 1).trim());
    }
    this.#names = [...names];
    return this.#names;
  }
}

/** What the library has and leaves out of its type. */
interface Sized {
  /** Subject, reply, headers and payload, bytes. */
  size(): number;
}

/** Of a message as the library gives it; undefined where it has none. They stand before its payload. */
export function headersOf(message: Msg): NatsMessageHeaders | undefined {
  const { subject, reply = "", data } = message;
  const length =
    (message as Msg & Sized).size() - Buffer.byteLength(subject) - Buffer.byteLength(reply) - data.length;
  if (length <= 0) return undefined;
  return new MessageHeaders(Buffer.from(data.buffer, data.byteOffset - length, length).toString("utf8"));
}
