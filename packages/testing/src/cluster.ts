import { AsyncLocalStorage } from "node:async_hooks";
import { msgpack } from "@skein/codec";
import {
  type CallContext,
  type Client,
  type ClientOptions,
  type ContextStore,
  createClient,
  createLeaseKeeper,
  createServer,
  type Instance,
  type Logger,
  type Registry,
  type Runtime,
  type ServerOptions,
  silentLogger,
  toDefinition,
} from "@skein/core";
import { createFakeRuntime, type FakeRuntime, settle } from "@skein/core/testing";
import { createMemoryRegistry } from "@skein/registry";
import { p2c } from "@skein/selector";
import { createMemoryNetwork, createMemoryTransport } from "@skein/transport";
import { createNodeRuntime } from "skein/internal";

export interface ClusterOptions {
  /** `fake`: time stands still until advance() is called. @default "real" */
  readonly clock?: "real" | "fake" | undefined;
  /** Of the fake clock's random numbers. @default 1 */
  readonly seed?: number | undefined;
  /** A registry of your own (`fakeRegistry()`). @default one in memory */
  readonly registry?: Registry | undefined;
  /** @default 30_000 */
  readonly ttlMs?: number | undefined;
  /** @default none */
  readonly logger?: Logger | undefined;
}

/** A test that is over does not wait for handlers that never end. */
const CLOSE_GRACE_MS = 100;

/** What one serve() started: a process, as far as its callers can tell. */
export interface ClusterNode {
  /** As the registry has them. */
  readonly instances: readonly Instance[];
  /** As SIGTERM: deregister, drain, end. */
  stop(): Promise<void>;
  /** As kill -9: connections are reset, the record stays until its lease ends. */
  kill(): void;
}

/** Services and clients in this process, over the real session protocol on a memory transport: what production runs, without sockets. */
export interface Cluster extends AsyncDisposable {
  readonly registry: Registry;
  serve(...services: object[]): Promise<ClusterNode>;
  /** As serve(), with options of the server (interceptors, limits, queue). */
  serveWith(options: Partial<ServerOptions>, ...services: object[]): Promise<ClusterNode>;
  client(options?: Partial<ClientOptions>): Client;
  /** Lets so many ms pass on the fake clock, and everything that they bring about happen. @throws Error with a real clock */
  advance(ms: number): Promise<void>;
  /** Ends all nodes and clients. Idempotent. */
  close(): Promise<void>;
}

/** @example await using cluster = createCluster(); await cluster.serve(new UserService()); await cluster.client().service<UserService>("user").getUser({ id }); */
export function createCluster(options: ClusterOptions = {}): Cluster {
  const fake: FakeRuntime | undefined =
    options.clock === "fake" ? createFakeRuntime(options.seed) : undefined;
  const runtime: Runtime = fake ?? createNodeRuntime();
  const logger = options.logger ?? silentLogger;
  const transport = createMemoryTransport({ runtime, network: createMemoryNetwork() });
  const registry = options.registry ?? createMemoryRegistry({ runtime });
  const als = new AsyncLocalStorage<CallContext>();
  const contextStore: ContextStore<CallContext> = {
    get: () => als.getStore(),
    run: (value, fn, argument) => als.run(value, fn, argument),
  };
  const nodes = new Set<ClusterNode>();
  const clients = new Set<Client>();
  const endings = new Map<ClusterNode, () => Promise<void>>();

  const serveWith = async (
    own: Partial<ServerOptions>,
    services: readonly object[],
  ): Promise<ClusterNode> => {
    const server = createServer({ runtime, logger, codecs: [msgpack], contextStore, ...own });
    const keeper = createLeaseKeeper({ registry, runtime, logger, ttlMs: options.ttlMs });
    const listener = await transport.listen("memory:", (connection) => server.accept(connection));
    const definitions = services.map(toDefinition);
    const instances = definitions.map((definition): Instance => {
      const id = runtime.uniqueId();
      server.add(definition, id);
      return {
        service: definition.name,
        version: definition.version,
        id,
        addresses: [{ protocol: "skein", url: listener.address }],
        weight: 1,
        status: "serving",
        startedAt: new Date(runtime.clock.now()).toISOString(),
        metadata: {},
      };
    });
    for (const definition of definitions) await definition.onStart?.();
    await Promise.all(instances.map((instance) => keeper.put(instance)));
    let over = false;
    const end = async (graceMs: number | undefined): Promise<void> => {
      if (over) return;
      over = true;
      nodes.delete(node);
      // A test that ends in the middle of a registry's trouble does not wait for its recovery.
      if (graceMs === undefined && keeper.state === "held")
        await Promise.all(instances.map((instance) => keeper.put({ ...instance, status: "draining" })));
      await keeper.close();
      await server.drain({ graceMs });
      await listener.close();
      for (const definition of definitions) await definition.onStop?.();
    };
    const node: ClusterNode = {
      instances,
      stop: () => end(undefined),
      kill() {
        if (over) return;
        over = true;
        nodes.delete(node);
        keeper.abandon();
        void listener.close();
        server.destroy();
      },
    };
    nodes.add(node);
    endings.set(node, () => end(CLOSE_GRACE_MS));
    return node;
  };

  return {
    registry,
    serve: (...services) => serveWith({}, services),
    serveWith: (own, ...services) => serveWith(own, services),
    client(own = {}) {
      const client = createClient({
        runtime,
        logger,
        registry,
        transports: [transport],
        codecs: [msgpack],
        selector: p2c,
        contextStore,
        ttlMs: options.ttlMs,
        ...own,
      });
      clients.add(client);
      return client;
    },
    async advance(ms) {
      if (fake === undefined) throw new Error('advance() needs createCluster({ clock: "fake" })');
      await settle();
      await fake.clock.advanceAsync(ms);
    },
    async close() {
      await Promise.all([...clients].map((client) => client.close()));
      clients.clear();
      const stopping = Promise.all([...nodes].map((node) => endings.get(node)?.()));
      if (fake !== undefined) await fake.clock.advanceAsync(2 * CLOSE_GRACE_MS);
      await stopping;
      await registry.close();
    },
    async [Symbol.asyncDispose]() {
      await this.close();
    },
  };
}
