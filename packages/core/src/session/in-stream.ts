import { ProtocolError } from "../protocol/frame.ts";
import type { ItemQueue, ItemSource } from "./item-queue.ts";

export interface InStreamPort {
  /** Tell the sender that it may send so many bytes more. */
  credit(bytes: number): void;
  /** The reader went away. */
  abandoned(): void;
}

/** The receiving end of a stream of items: gives credit as they are read, in halves of the window. */
export class InStream implements ItemSource {
  readonly items: ItemQueue;
  readonly #port: InStreamPort;
  readonly #half: number;
  /** What the sender may still send; below zero by at most the frame that took it there. */
  #open: number;
  #consumed = 0;

  constructor(items: ItemQueue, windowBytes: number, port: InStreamPort) {
    this.items = items;
    this.#port = port;
    this.#half = Math.max(1, windowBytes >> 1);
    this.#open = windowBytes;
    items.connect(this);
  }

  /** A frame came. Throws ProtocolError when it was sent without credit. */
  take(item: unknown, batch: boolean, bytes: number): void {
    if (this.#open <= 0) throw new ProtocolError("an item was sent without credit");
    this.#open -= bytes;
    if (batch) {
      if (!Array.isArray(item)) throw new ProtocolError("a batch is not an array");
      this.items.pushAll(item, bytes);
    } else this.items.push(item, bytes);
  }

  consumed(bytes: number): void {
    this.#consumed += bytes;
    if (this.#consumed < this.#half) return;
    const credit = this.#consumed;
    this.#consumed = 0;
    this.#open += credit;
    this.#port.credit(credit);
  }

  abandoned(): void {
    this.#port.abandoned();
  }
}
