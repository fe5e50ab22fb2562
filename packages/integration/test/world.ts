import { type Instance, silentLogger } from "@skein/core";
import { type App, createClient, Rpc, RpcError, Service, serve } from "skein";
import { nodeRuntime, openRegistry, resolveConfig } from "skein/internal";

@Service("echo", { version: "1.0.0" })
class EchoService {
  @Rpc({ idempotent: true }) async say(text: string): Promise<string> {
    return text;
  }
}

const EVERY_MS = 5;

/** Three instances in a registry, and a client that never stops calling: what a fault of the registry must not touch. */
export class World implements AsyncDisposable {
  readonly ttlMs: number;
  readonly #url: string;
  readonly #apps: App[] = [];
  /** The first of them; `failed` counts all. */
  readonly failures: string[] = [];
  failed = 0;
  calls = 0;
  #calling: Promise<void> | undefined;
  #ended = false;
  readonly #client: ReturnType<typeof createClient>;
  readonly #view: ReturnType<typeof openRegistry>;
  readonly #abort = new AbortController();
  /** As a client of the registry that stays connected sees it. */
  view: readonly Instance[] = [];
  #looks = new Set<() => void>();

  constructor(url: string, ttlMs: number) {
    this.#url = url;
    this.ttlMs = ttlMs;
    const options = { registry: url, ttl: ttlMs / 1000, log: silentLogger };
    this.#client = createClient(options);
    this.#view = openRegistry(resolveConfig(options, {}), { runtime: nodeRuntime, logger: silentLogger });
  }

  static async start(url: string, ttlMs: number, size = 3): Promise<World> {
    const world = new World(url, ttlMs);
    void world.#watch();
    for (let n = 0; n < size; n++) await world.#serve();
    await world.exact();
    // The client knows them before anything is done to the registry.
    await world.#client.service<EchoService>("echo").say("hello");
    world.#calling = world.#call();
    return world;
  }

  async #serve(): Promise<void> {
    this.#apps.push(
      await serve(new EchoService(), {
        registry: this.#url,
        ttl: this.ttlMs / 1000,
        listen: "tcp://127.0.0.1:0",
        advertise: "127.0.0.1",
        signals: false,
        log: silentLogger,
      }),
    );
  }

  get ids(): readonly string[] {
    return this.#apps.flatMap((app) => app.services().map((i) => i.id)).sort();
  }

  async #watch(): Promise<void> {
    for await (const snapshot of this.#view.registry.watch("echo", { signal: this.#abort.signal })) {
      if (snapshot.stale === true || snapshot.error !== undefined) continue;
      this.view = snapshot.instances;
      for (const look of [...this.#looks]) look();
    }
  }

  async #call(): Promise<void> {
    const echo = this.#client.service<EchoService>("echo");
    while (!this.#ended) {
      this.calls++;
      const text = `call ${this.calls}`;
      try {
        const said = await echo.say(text, { timeoutMs: 4000 });
        if (said !== text) this.#failed(`${text} was answered ${said}`);
      } catch (error) {
        const { code, message } = RpcError.from(error);
        this.#failed(`${code}: ${message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }

  #failed(why: string): void {
    if (this.failed++ < 3) this.failures.push(why);
  }

  /** Asked anew, by another client: the truth. */
  async listed(): Promise<readonly string[]> {
    const { instances } = await this.#view.registry.get("echo");
    return instances.map((i) => i.id).sort();
  }

  /** Resolves, with how long it took, ms, once the watched view is exactly our instances. Rejects after `withinMs`. */
  async exact(withinMs = 10_000): Promise<number> {
    const began = performance.now();
    const is = (): boolean => JSON.stringify(this.view.map((i) => i.id).sort()) === JSON.stringify(this.ids);
    await new Promise<void>((resolve, reject) => {
      const look = (): void => {
        if (!is()) return;
        clearTimeout(timer);
        this.#looks.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#looks.delete(look);
        reject(new Error(`after ${withinMs} ms there are ${this.view.map((i) => i.id)}, not ${this.ids}`));
      }, withinMs);
      this.#looks.add(look);
      look();
    });
    return performance.now() - began;
  }

  /** Resolves with how long it took until the registry itself lists exactly our instances, ms. */
  async registered(withinMs = 10_000): Promise<number> {
    const began = performance.now();
    for (;;) {
      const listed = await this.listed().catch(() => []);
      if (JSON.stringify(listed) === JSON.stringify(this.ids)) return performance.now() - began;
      if (performance.now() - began > withinMs)
        throw new Error(`after ${withinMs} ms ${listed} are registered, not ${this.ids}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async replaceOne(): Promise<void> {
    await this.#apps.shift()?.close();
    await this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#calling;
    this.#abort.abort();
    await this.#client.close();
    await Promise.all(this.#apps.map((app) => app.close()));
    await this.#view.close();
  }
}
