import type { Snapshot } from "../instance.ts";
import { withTimeLimit } from "../lease/time-limit.ts";
import type { Registry } from "../registry.ts";
import type { Runtime, Timer } from "../runtime.ts";
import type { Directory } from "./directory.ts";

/** Whatever a watch has missed is found by a list, so often (± 20 %), ms. */
const RELIST_MS = 60_000;
const RELIST_JITTER = 0.2;
/** One list may take so long, ms. */
const LIST_MS = 10_000;
/** So many lists in a row that the watch has overtaken say that it is well: one of a service that never rests would be overtaken for ever. */
const MOST_OVERTAKEN = 3;
const BACKOFF_MS = 200;
const MOST_BACKOFF_MS = 5000;
/** A watch that lived so long ends a series of failures, ms. */
const STEADY_MS = 5000;
/** Up to so many instances each snapshot is applied as it comes. Of more, the next is looked at only after so long for each instance, ms: 50 for 10,000. */
const SMALL = 1000;
const REST_MS = 0.005;
const MOST_REST_MS = 500;

/**
 * Keeps a directory fed until `signal` aborts: the registry's watch, begun again with full jitter when it ends or throws, and a list now
 * and then. Never rejects.
 */
export async function followService(
  registry: Registry,
  service: string,
  directory: Directory,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<void> {
  const feed = new Feed(registry, service, directory, runtime, signal);
  const relist = feed.relistOften();
  for (let failures = 0; !signal.aborted; failures++) {
    const started = runtime.clock.monotonic();
    let why: unknown = new Error("the watch ended");
    try {
      for await (const snapshot of registry.watch(service, { signal })) {
        if (signal.aborted) break;
        feed.watched(snapshot);
        // Watches give slow readers the newest: what changes meanwhile is applied together.
        const { length } = snapshot.instances;
        if (length > SMALL) await pause(runtime, Math.min(MOST_REST_MS, length * REST_MS), signal);
      }
    } catch (error) {
      why = error;
    }
    if (signal.aborted) break;
    directory.apply({ instances: directory.instances, revision: Number.NaN, stale: true, error: why });
    if (runtime.clock.monotonic() - started >= STEADY_MS) failures = 0;
    await pause(runtime, backoff(runtime, failures), signal);
  }
  relist.cancel();
}

/** Puts what comes from the watch and from lists in order, by revision. */
class Feed {
  readonly #registry: Registry;
  readonly #service: string;
  readonly #directory: Directory;
  readonly #runtime: Runtime;
  readonly #signal: AbortSignal;
  /** Of the snapshot that was applied last. */
  #revision = Number.NEGATIVE_INFINITY;
  #listing = false;

  constructor(
    registry: Registry,
    service: string,
    directory: Directory,
    runtime: Runtime,
    signal: AbortSignal,
  ) {
    this.#registry = registry;
    this.#service = service;
    this.#directory = directory;
    this.#runtime = runtime;
    this.#signal = signal;
  }

  /** One older than the last may have come late, or tell of a registry that was reset: only a question asked now can say. */
  watched(snapshot: Snapshot): void {
    if (snapshot.revision < this.#revision) void this.#list();
    else this.#apply(snapshot);
  }

  #apply(snapshot: Snapshot): void {
    if (snapshot.stale !== true && snapshot.error === undefined) this.#revision = snapshot.revision;
    this.#directory.apply(snapshot);
  }

  relistOften(): Timer {
    const { clock, random } = this.#runtime;
    let timer: Timer;
    const again = (): void => {
      timer = clock.setTimer(RELIST_MS * (1 - RELIST_JITTER + 2 * RELIST_JITTER * random()), () => {
        void this.#list();
        again();
      });
    };
    again();
    return { cancel: () => timer.cancel() };
  }

  /** Asks until there is an answer that nothing has overtaken, or the watch is ahead each time. One at a time. */
  async #list(): Promise<void> {
    if (this.#listing) return;
    this.#listing = true;
    let overtaken = 0;
    for (let failures = 0; !this.#signal.aborted; failures++) {
      const before = this.#revision;
      const answer = await this.#ask();
      if (this.#signal.aborted) break;
      if (answer !== undefined && (answer.revision >= this.#revision || this.#revision === before)) {
        this.#apply(answer);
        break;
      }
      if (answer !== undefined && ++overtaken >= MOST_OVERTAKEN) break;
      await pause(this.#runtime, backoff(this.#runtime, failures), this.#signal);
    }
    this.#listing = false;
  }

  /** Undefined when it fails: the watch says why. */
  async #ask(): Promise<Snapshot | undefined> {
    try {
      const asked = this.#registry.get(this.#service);
      const error = (): Error => new Error("no answer");
      return await withTimeLimit(this.#runtime, LIST_MS, asked, error, () => {}, this.#signal);
    } catch {
      return undefined;
    }
  }
}

function backoff({ random }: Runtime, failures: number): number {
  return random() * Math.min(MOST_BACKOFF_MS, BACKOFF_MS * 2 ** Math.min(failures, 20));
}

function pause(runtime: Runtime, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = runtime.clock.setTimer(ms, done);
    signal.addEventListener("abort", done, { once: true });
  });
}
