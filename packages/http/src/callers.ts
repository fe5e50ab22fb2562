import type { CallOptions, Client, DoorConnection, DoorHost } from "@skein/core";

/** A service of which nothing is known, as doors call it. */
export interface AnyService {
  call(method: string, input: unknown, options: CallOptions): PromiseLike<unknown> & AsyncIterable<unknown>;
}

interface Caller {
  readonly to: DoorConnection;
  running: number;
}

export interface TakenCaller {
  readonly client: Client;
  /** @param refused its credentials were no good: they are not tried again by itself */
  release(refused: boolean): void;
}

/** Behind a proxy many users share a connection: so many of them are remembered while they have nothing under way. */
const MOST_IDLE = 8;

/** The sessions of one HTTP connection: one for each set of credentials that came over it. */
export class Callers {
  readonly #host: DoorHost;
  readonly #peer: string;
  /** The one used longest ago comes first. */
  readonly #callers = new Map<string | undefined, Caller>();
  #closed = false;

  constructor(host: DoorHost, peer: string) {
    this.#host = host;
    this.#peer = peer;
  }

  /** For one call; release() follows. */
  take(credentials: string | undefined): TakenCaller {
    const caller = this.#callers.get(credentials) ?? {
      to: this.#host.connect(this.#peer, credentials),
      running: 0,
    };
    this.#callers.delete(credentials);
    this.#callers.set(credentials, caller);
    caller.running++;
    return {
      client: caller.to.client,
      release: (refused) => {
        caller.running--;
        if (this.#closed) caller.to.close();
        else if (refused && caller.running === 0) this.#drop(credentials, caller);
        else this.#trim();
      },
    };
  }

  #trim(): void {
    const idle = [...this.#callers].filter(([, { running }]) => running === 0);
    for (const [credentials, caller] of idle.slice(0, Math.max(0, idle.length - MOST_IDLE)))
      this.#drop(credentials, caller);
  }

  #drop(credentials: string | undefined, caller: Caller): void {
    if (this.#callers.get(credentials) === caller) this.#callers.delete(credentials);
    caller.to.close();
  }

  /** The peer has gone. */
  close(): void {
    this.#closed = true;
    for (const { to } of this.#callers.values()) to.close();
    this.#callers.clear();
  }
}

export function serviceOf(client: Client, name: string): AnyService {
  return client.service<unknown>(name) as unknown as AnyService;
}
