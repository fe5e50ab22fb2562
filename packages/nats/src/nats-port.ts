/** What we need of a NATS client: a second adapter has nothing more to do. Subjects are ours to check. */
export interface NatsPort {
  /** Servers without credentials, for messages. */
  readonly name: string;
  /** What is published now has a chance to arrive. */
  readonly connected: boolean;
  /** The server connected to is one of a cluster. */
  readonly clustered?: boolean;
  /** Of the server connected to, bytes. */
  readonly maxPayload: number;
  /**
   * Resolves once connected; rejects when `timeoutMs` have passed or the signal aborts, saying why there is no connection. `code`: ENETDOWN while it is
   * tried again, EACCES where the server refuses us.
   */
  ready(timeoutMs: number, signal?: AbortSignal): Promise<void>;
  /** Takes the bytes over. Drops them while not connected: look before. Throws where it is more than `maxPayload`, with headers. */
  publish(subject: string, bytes: Uint8Array, reply?: string, headers?: NatsHeaderEntries): void;
  /** Lasts over reconnections. `refused`: the server does not permit it. */
  subscribe(
    subject: string,
    take: (message: NatsMessage) => void,
    refused: (error: Error) => void,
    /** Of those who subscribe with the same, one gets each message. Ours to check. */
    queue?: string,
  ): NatsSubscription;
  /** Resolves once the server has seen what was published and subscribed before; rejects on a disconnect. */
  flush(): Promise<void>;
  /** Sends what waits, and ends. Reconnects no more. */
  close(): Promise<void>;
}

/** Called: takes no more. */
export interface NatsSubscription {
  (): void;
  /** Takes no more than what is on its way already. Resolves once that was taken, or is lost with the connection. */
  drain?(): Promise<void>;
}

/** To send: names of visible ASCII without ":", values without control characters. Ours to check. A Map is one. */
export type NatsHeaderEntries = Iterable<readonly [name: string, value: string]>;

/** As they came. */
export interface NatsMessageHeaders {
  /** Of the server, 0 where there is none: 100 is a heartbeat of a consumer. */
  readonly code: number;
  readonly description: string;
  /** The first of that name, in any case; "" where there is none. */
  get(name: string): string;
  names(): readonly string[];
}

export interface NatsMessage {
  readonly subject: string;
  readonly reply: string | undefined;
  readonly bytes: Uint8Array;
  /** The server's answer to a message of ours that had no subscriber. */
  readonly nobody: boolean;
  /** Undefined where it has none. */
  readonly headers?: NatsMessageHeaders | undefined;
}

export interface NatsPortEvents {
  /** The connection to the server is gone: once each time. */
  disconnected(why: string): void;
  /** Connected for the first time, or `again`: after a disconnection, or attempts that failed. Subscriptions are there. */
  connected(again?: boolean): void;
  /**
   * Another member of the cluster is gone: who was connected to it is about to connect to others. That nobody subscribes where they did may be told a
   * few ms earlier. Servers tell it where members advertise addresses of their own (not with `no_advertise`).
   */
  memberGone?(): void;
  /** The server did not permit what was published to `subject`: told before a flush() begun afterwards resolves. */
  denied?(subject: string): void;
}
