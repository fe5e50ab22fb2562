import type { CallOptions, DoorConnection, DoorHost } from "@skein/core";

/** A service of which nothing is known, as the door calls it. */
export interface AnyService {
  call(method: string, input: unknown, options: CallOptions): PromiseLike<unknown> & AsyncIterable<unknown>;
}

interface Caller {
  readonly to: DoorConnection;
  running: number;
}

/** Behind a proxy many users share a connection: so many of them are remembered while they have nothing under way. */
const MOST_IDLE = 8;

/** The sessions of one HTTP/2 connection: one for each set of credentials that came over it. */
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
  take(service: string, credentials: string | undefined): { readonly to: AnyService; release(): void } {
    const caller = this.#callers.get(credentials) ?? {
      to: this.#host.connect(this.#peer, credentials),
      running: 0,
    };
    this.#callers.delete(credentials);
    this.#callers.set(credentials, caller);
    caller.running++;
    return {
      to: caller.to.client.service<unknown>(service) as unknown as AnyService,
      release: () => {
        caller.running--;
        if (this.#closed) caller.to.close();
        else this.#trim();
      },
    };
  }

  #trim(): void {
    if (this.#callers.size <= MOST_IDLE) return;
    const idle = [...this.#callers].filter(([, { running }]) => running === 0);
    for (const [credentials, { to }] of idle.slice(0, Math.max(0, idle.length - MOST_IDLE))) {
      this.#callers.delete(credentials);
      to.close();
    }
  }

  /** The peer has gone. */
  close(): void {
    this.#closed = true;
    for (const { to } of this.#callers.values()) to.close();
    this.#callers.clear();
  }
}
