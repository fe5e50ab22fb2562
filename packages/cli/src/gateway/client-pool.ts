import type { Client } from "skein";

interface Pooled {
  readonly client: Client;
  users: number;
}

/** Sets of credentials whose connections are kept while nobody uses them. */
const MOST_IDLE = 64;

/** A client, with its connections to instances, for each set of credentials: connections of the gateway's callers come and go more often. */
export class ClientPool {
  readonly #open: (credentials: string | undefined) => Client;
  /** The one used longest ago comes first. */
  readonly #clients = new Map<string | undefined, Pooled>();

  constructor(open: (credentials: string | undefined) => Client) {
    this.#open = open;
  }

  take(credentials: string | undefined): { readonly client: Client; release(): void } {
    const pooled = this.#clients.get(credentials) ?? { client: this.#open(credentials), users: 0 };
    this.#clients.delete(credentials);
    this.#clients.set(credentials, pooled);
    pooled.users++;
    let released = false;
    return {
      client: pooled.client,
      release: () => {
        if (released) return;
        released = true;
        pooled.users--;
        this.#trim();
      },
    };
  }

  #trim(): void {
    const idle = [...this.#clients].filter(([, { users }]) => users === 0);
    for (const [credentials, { client }] of idle.slice(0, Math.max(0, idle.length - MOST_IDLE))) {
      this.#clients.delete(credentials);
      void client.close();
    }
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    await Promise.all(clients.map(({ client }) => client.close()));
  }
}
