import type { Client, Snapshot } from "skein";
import { within } from "./measure.ts";

/** What a registry says of service `ledger`, as it says it to a client. */
export class View {
  #known: readonly number[] = [];
  readonly #watchers = new Set<() => void>();
  /** How often it said that other instances are there than before. */
  changes = 0;

  constructor(client: Client) {
    void this.#follow(client.watch("ledger"));
  }

  async #follow(snapshots: AsyncIterable<Snapshot>): Promise<void> {
    for await (const { instances, stale } of snapshots) {
      if (stale === true) continue;
      const ports = instances.map((i) => Number(new URL(i.addresses[0]?.url ?? "").port)).sort();
      if (ports.join() !== this.#known.join()) this.changes++;
      this.#known = ports;
      for (const look of [...this.#watchers]) look();
    }
  }

  /** How many instances it has too many or too few of those that listen at these ports. */
  wrong(ports: readonly number[]): number {
    const listed = this.#known;
    return listed.filter((p) => !ports.includes(p)).length + ports.filter((p) => !listed.includes(p)).length;
  }

  /** Resolves once it has those and no others, or `mostMs` have passed; with how long that took. */
  async exact(ports: readonly number[], mostMs: number): Promise<number> {
    const from = performance.now();
    const right = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.wrong(ports) > 0) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
    await within(mostMs, right);
    return performance.now() - from;
  }
}
