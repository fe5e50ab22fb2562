import type { Instance, Registry, Snapshot } from "@skein/core";

let made = 0;

/** An instance as any service would announce it. */
export function sampleInstance(service: string, given: Partial<Instance> = {}): Instance {
  made++;
  return {
    service,
    version: "1.0.0",
    id: `i${made}-${Math.random().toString(36).slice(2)}`,
    addresses: [{ protocol: "skein", url: `tcp://127.0.0.1:${20_000 + (made % 10_000)}` }],
    weight: 1,
    status: "serving",
    startedAt: "2026-01-01T00:00:00.000Z",
    metadata: {},
    ...given,
  };
}

/** A watch that is read as it comes; waits for what is expected, and says what was seen instead. */
export class Watched {
  readonly seen: Snapshot[] = [];
  readonly #abort = new AbortController();
  readonly #done: Promise<void>;

  constructor(registry: Registry, service: string) {
    this.#done = this.#read(registry.watch(service, { signal: this.#abort.signal }));
  }

  async #read(snapshots: AsyncIterable<Snapshot>): Promise<void> {
    for await (const snapshot of snapshots) this.seen.push(snapshot);
  }

  /** Resolves once `ok` holds for the newest snapshot; lets time pass by `pass` meanwhile. */
  async until(
    ok: (snapshot: Snapshot) => boolean,
    harness: { pass(ms: number): Promise<void> },
    withinMs: number,
  ): Promise<Snapshot> {
    for (let waited = 0; ; waited += 50) {
      const newest = this.seen.at(-1);
      if (newest !== undefined && ok(newest)) return newest;
      if (waited > withinMs)
        throw new Error(`not seen within ${withinMs} ms; the newest is ${JSON.stringify(newest)}`);
      await harness.pass(50);
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#done;
  }
}

/** Exactly these, as the registry says now. */
export const has =
  (...ids: readonly string[]) =>
  (s: Snapshot): boolean =>
    s.error === undefined &&
    s.stale !== true &&
    JSON.stringify(s.instances.map((i) => i.id).sort()) === JSON.stringify([...ids].sort());
