import type { Runtime, Snapshot } from "@skein/core";
import type { WatchTeller } from "./shared-watches.ts";

/** Tells of a service: nothing before all of it is known, then of changes, those of one moment at once. */
export class ToldWatch {
  readonly #runtime: Pick<Runtime, "defer">;
  readonly #tell: WatchTeller;
  readonly #snapshot: () => Snapshot;
  /** Told what is true: changes are told from now on. */
  #live = false;
  #telling = false;

  constructor(runtime: Pick<Runtime, "defer">, tell: WatchTeller, snapshot: () => Snapshot) {
    this.#runtime = runtime;
    this.#tell = tell;
    this.#snapshot = snapshot;
  }

  /** All is known: told, unless it was before. */
  known(): void {
    if (this.#live) return;
    this.#live = true;
    this.#tell.found(this.#snapshot());
  }

  /** Its instances are others. */
  changed(): void {
    if (!this.#live || this.#telling) return;
    this.#telling = true;
    this.#runtime.defer(() => {
      this.#telling = false;
      if (this.#live) this.#tell.found(this.#snapshot());
    });
  }

  /** Nothing can be known: whom it told of stays, and nothing is told until known(). */
  failed(error: unknown): void {
    this.#live = false;
    this.#tell.failed(error);
  }

  /** Nothing is told until known(). */
  stop(): void {
    this.#live = false;
  }
}
