import type { Message } from "./wire.ts";

/** The network, as far as the registry needs it: what is sent comes to everybody, the sender included, or is lost. */
export interface Medium {
  /** Resolves once messages can be sent; rejects with UNAVAILABLE. Again and again, as long as it is not closed. */
  open(): Promise<void>;
  /** Rejects when it could not be sent at all. */
  send(message: Message): Promise<void>;
  /** Called with what comes in. */
  onMessage: (message: Message) => void;
  /** Called when there is a new way into the network: who was known there has not heard us. */
  onNewWay: () => void;
  /** Rejects, saying what to do, where it never can be opened. */
  check(): Promise<void>;
  close(): Promise<void>;
}
