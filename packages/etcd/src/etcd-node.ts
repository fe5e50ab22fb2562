import type { Instance, Lease, Logger, Runtime, Snapshot } from "@skein/core";
import { Malformed, type RegistryNode, unfitWarning, type WatchTeller } from "@skein/registry/backend";
import { EtcdLease, type Guard } from "./etcd-lease.ts";
import type { EtcdPort } from "./etcd-port.ts";
import type { Layout } from "./layouts/layout.ts";
import { ListWatch, MOST_WAIT_MS } from "./list-watch.ts";
import { merged, View } from "./view.ts";

/** A revision that went backwards makes everyone list again, but not more often, ms. */
const REGRESS_EVERY_MS = 1000;
const DEFAULT_TTL_MS = 30_000;

export interface EtcdNodeOptions {
  readonly name: string;
  readonly port: EtcdPort;
  readonly layouts: readonly Layout[];
  readonly runtime: Runtime;
  readonly logger: Logger;
  /** Of the leases: after a cut everything is as it should be within a third of it. @default 30_000 */
  readonly ttlMs?: number | undefined;
}

/** What the registry does over a port to etcd. */
export class EtcdNode implements RegistryNode {
  readonly #o: EtcdNodeOptions;
  readonly #malformed: Malformed;
  readonly #lists = new Set<ListWatch>();
  /** What is known of services that are watched, by layout. */
  readonly #followed = new Map<string, readonly View[]>();
  readonly #warn: (instance: Instance) => void;
  #regressedAt = Number.NEGATIVE_INFINITY;

  constructor(options: EtcdNodeOptions) {
    this.#o = options;
    this.#malformed = new Malformed(options.logger);
    this.#warn = unfitWarning(options.layouts, options.logger, { registry: options.name });
    options.port.revisions.onReset = (revision, before) => this.#reset(revision, before);
  }

  get malformed(): number {
    return this.#malformed.count;
  }

  check(): Promise<void> {
    return this.#o.port.check();
  }

  async lease(ttlMs: number, signal: AbortSignal | undefined, over: () => void): Promise<Lease> {
    const { port, layouts } = this.#o;
    const granted = await port.grant(Math.max(1, Math.ceil(ttlMs / 1000)), signal);
    return new EtcdLease(granted, port, layouts, this.#guard, over, this.#warn);
  }

  watch(service: string, tell: WatchTeller): () => void {
    const { port, runtime, logger, layouts } = this.#o;
    const views = layouts.map((layout) => new View(layout));
    this.#followed.set(service, views);
    const revisions = layouts.map(() => Number.NaN);
    const news = (n: number, revision: number): void => {
      revisions[n] = revision;
      this.#countMalformed(views, service);
      if (revisions.some(Number.isNaN)) return;
      tell.found({ instances: merged(views), revision: Math.max(...revisions) });
    };
    const lists = layouts.map(
      (layout, n) =>
        new ListWatch({
          port,
          prefix: layout.prefixOf(service),
          waitMs: this.#waitMs,
          runtime,
          logger,
          listing: (records) => views[n]?.prepare(records),
          listed: (records, revision) => {
            views[n]?.replace(records);
            news(n, revision);
          },
          changed: (changes, revision) => {
            for (const change of changes) views[n]?.change(change);
            news(n, revision);
          },
          failed: tell.failed.bind(tell),
        }),
    );
    for (const list of lists) this.#lists.add(list);
    return () => {
      if (this.#followed.get(service) === views) this.#followed.delete(service);
      for (const list of lists) {
        this.#lists.delete(list);
        list.stop();
      }
    };
  }

  get #waitMs(): number {
    return Math.min(MOST_WAIT_MS, (this.#o.ttlMs ?? DEFAULT_TTL_MS) / 3);
  }

  /** A key of ours that somebody deleted, or a store that lost it. */
  readonly #guard: Guard = (key, gone) => {
    const { port, runtime, logger } = this.#o;
    const watch: ListWatch = new ListWatch({
      port,
      prefix: key,
      waitMs: this.#waitMs,
      runtime,
      logger,
      listed: (records) => {
        if (!records.some((record) => record.key === key)) gone();
      },
      changed: (changes) => {
        const last = changes.filter((change) => change.key === key).at(-1);
        if (last !== undefined && last.value === undefined) gone();
      },
      failed() {},
    });
    this.#lists.add(watch);
    return () => {
      this.#lists.delete(watch);
      watch.stop();
    };
  };

  #reset(revision: number, before: number): void {
    const { clock } = this.#o.runtime;
    if (clock.monotonic() - this.#regressedAt < REGRESS_EVERY_MS) return;
    this.#regressedAt = clock.monotonic();
    this.#o.logger.warn(
      { registry: this.#o.name, revision, before },
      "etcd's revision went backwards: listing all again",
    );
    for (const list of this.#lists) list.relist("the revision went backwards");
  }

  #countMalformed(views: readonly View[], service?: string): void {
    const skipped = new Map(views.flatMap((view) => [...view.malformed]));
    const prefixes = this.#o.layouts.map((l) => (service === undefined ? l.root : l.prefixOf(service)));
    this.#malformed.seen(skipped, (key) => prefixes.some((p) => p !== undefined && key.startsWith(p)));
  }

  async get(service: string): Promise<Snapshot> {
    const { views, revision } = await this.#list((layout) => layout.prefixOf(service), service);
    this.#countMalformed(views, service);
    return { instances: merged(views), revision };
  }

  async list(): Promise<readonly Instance[]> {
    const { views } = await this.#list((layout) => layout.root);
    this.#countMalformed(views);
    return merged(views);
  }

  /** @param service whose keys they are, if it is one: where it is watched, most is known */
  async #list(
    prefixOf: (layout: Layout) => string | undefined,
    service?: string,
  ): Promise<{ readonly views: readonly View[]; readonly revision: number }> {
    let highest = 0;
    const views = this.#o.layouts.map(async (layout, n) => {
      const view = new View(layout, service === undefined ? undefined : this.#followed.get(service)?.[n]);
      const prefix = prefixOf(layout);
      if (prefix === undefined) return view;
      const { records, revision } = await this.#o.port.list(prefix, (part) => view.prepare(part));
      highest = Math.max(highest, revision);
      view.replace(records);
      return view;
    });
    return { views: await Promise.all(views), revision: highest };
  }

  async close(): Promise<void> {
    this.#o.port.close();
  }
}
