import type { Medium } from "../medium.ts";
import type { Message } from "../wire.ts";

/** A medium between a registry and another medium, at fault as a test wishes. */
export class Lossy implements Medium {
  onMessage: (message: Message) => void = () => {};
  onNewWay: () => void = () => {};
  /** Nothing comes in, nothing goes out, and nobody says so. */
  cut = false;
  readonly #medium: Medium;
  readonly #loses: () => boolean;

  /** @param loses asked for each message that comes in */
  constructor(medium: Medium, loses: () => boolean = () => false) {
    this.#medium = medium;
    this.#loses = loses;
    medium.onMessage = (message) => {
      if (!this.cut && !this.#loses()) this.onMessage(message);
    };
    medium.onNewWay = () => this.onNewWay();
  }

  open(): Promise<void> {
    return this.#medium.open();
  }
  check(): Promise<void> {
    return this.#medium.check();
  }
  async send(message: Message): Promise<void> {
    if (!this.cut) await this.#medium.send(message);
  }
  close(): Promise<void> {
    return this.#medium.close();
  }
}
