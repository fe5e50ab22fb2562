import type { CallContext } from "../../context.ts";
import type { ServiceDefinition } from "../../endpoint.ts";
import { type ContextStore, silentLogger } from "../../runtime.ts";
import { createServer, type Server, type ServerOptions } from "../../server/server.ts";
import { createFakeRuntime, type FakeRuntime, settle } from "../../testing/fake-clock.ts";
import { plainJsonCodec } from "../../testing/json-codec.ts";
import { createLink, type Link } from "../../testing/link.ts";
import type { Connection, Transport } from "../../transport.ts";
import { type Client, createClient } from "../client.ts";
import type { ClientOptions } from "../client-options.ts";
import { createFakeRegistry, type FakeRegistry, instance } from "./fake-registry.ts";
import { type CountingSelector, createCountingSelector } from "./round-robin.ts";

export interface Running {
  readonly id: string;
  readonly server: Server;
  readonly links: Link[];
  /** No new connections, the standing ones are reset: kill -9. */
  kill(): void;
  /** Nothing arrives any more, in either direction. */
  freeze(frozen: boolean): void;
}

/**
 * Real servers and clients, joined by links in one process, on a fake clock. The ambient context is handed over synchronously only: a
 * handler makes its nested calls before it awaits anything.
 */
export class Cluster implements Transport {
  readonly scheme = "fake";
  readonly runtime: FakeRuntime = createFakeRuntime();
  readonly registry: FakeRegistry = createFakeRegistry();
  readonly selector: CountingSelector = createCountingSelector();
  readonly running = new Map<string, Running>();
  readonly clients: Client[] = [];
  #current: CallContext | undefined;
  readonly store: ContextStore<CallContext> = {
    get: () => this.#current,
    run: (value, fn, argument) => {
      const outer = this.#current;
      this.#current = value;
      try {
        return fn(argument);
      } finally {
        this.#current = outer;
      }
    },
  };

  start(id: string, definition: ServiceDefinition, options: Partial<ServerOptions> = {}): Running {
    const server = createServer({
      runtime: this.runtime,
      logger: silentLogger,
      codecs: [plainJsonCodec],
      contextStore: this.store,
      ...options,
    });
    server.add(definition, id);
    const links: Link[] = [];
    const running: Running = {
      id,
      server,
      links,
      kill: () => {
        this.running.delete(id);
        for (const link of links) link.cut();
        server.close();
      },
      freeze: (frozen) => {
        for (const link of links) link.frozen = frozen;
      },
    };
    this.running.set(id, running);
    return running;
  }

  /** What the registry lists, all under one service. */
  list(service: string, ...ids: string[]): void {
    this.registry.set(
      service,
      ids.map((id) => instance(id, { service })),
    );
  }

  async dial(address: string): Promise<Connection> {
    const running = this.running.get(address.slice("fake://".length));
    if (running === undefined) throw new Error(`${address}: connection refused`);
    const link = createLink({ runtime: this.runtime });
    running.links.push(link);
    running.server.accept(link.server);
    return link.client;
  }
  listen(): Promise<never> {
    return Promise.reject(new Error("not here"));
  }

  client(options: Partial<ClientOptions> = {}): Client {
    const client = createClient({
      runtime: this.runtime,
      logger: silentLogger,
      registry: this.registry,
      transports: [this],
      codecs: [plainJsonCodec],
      selector: this.selector.factory,
      contextStore: this.store,
      ...options,
    });
    this.clients.push(client);
    return client;
  }

  /** Ends everything, and says what is left: nothing should be. */
  async close(): Promise<{ timers: number; watching: number; openPicks: number }> {
    for (const client of this.clients) await client.close();
    for (const { server } of this.running.values()) server.close();
    await settle();
    return {
      timers: this.runtime.clock.timers,
      watching: this.registry.watching,
      openPicks: [...this.selector.open.values()].reduce((sum, n) => sum + Math.abs(n), 0),
    };
  }
}
