import type { Client } from "./client/client.ts";
import type { DoorConnection, DoorHost } from "./door-host.ts";
import { RpcError } from "./errors/rpc-error.ts";
import type { CallOptions } from "./types/call-options.ts";

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
  /** Once. @param error what the call ended with: a session whose credentials were refused is not kept to try them again */
  release(error?: unknown): void;
}

/** Behind a proxy many users share a connection: so many of them are remembered while they have nothing under way. */
const MOST_IDLE = 8;

/** The sessions of one connection of a door: one for each set of credentials that came over it. */
export class DoorCallers {
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
      release: (error) => {
        caller.running--;
        const refused = RpcError.is(error) && error.code === "UNAUTHENTICATED";
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

export function anyService(client: Client, name: string): AnyService {
  return client.service<unknown>(name) as unknown as AnyService;
}
