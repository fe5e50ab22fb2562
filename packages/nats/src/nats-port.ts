/** What we need of a NATS client: a second adapter has nothing more to do. Subjects are ours to check. */
export interface NatsPort {
  /** Servers without credentials, for messages. */
  readonly name: string;
  /** What is published now has a chance to arrive. */
  readonly connected: boolean;
  /** Of the server connected to, bytes. */
  readonly maxPayload: number;
  /** Resolves once connected; rejects when `timeoutMs` have passed or the signal aborts, saying why there is no connection. */
  ready(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  /** Takes the bytes over. Drops them while not connected: look before. */
  publish(subject: string, bytes: Uint8Array, reply?: string): void;
  /** Lasts over reconnections. `refused`: the server does not permit it. */
  subscribe(
    subject: string,
    take: (message: NatsMessage) => void,
    refused: (error: Error) => void,
  ): () => void;
  /** Resolves once the server has seen what was published and subscribed before; rejects on a disconnect. */
  flush(): Promise<void>;
  /** Sends what waits, and ends. Reconnects no more. */
  close(): Promise<void>;
}

export interface NatsMessage {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly bytes: Uint8Array;
  /** The server's answer to a message of ours that had no subscriber. */
  readonly nobody: boolean;
}

export interface NatsPortEvents {
  /** The connection to the server is gone: once each time. */
  disconnected(why: string): void;
  /** Connected again, or for the first time; subscriptions are there. */
  connected(): void;
}
