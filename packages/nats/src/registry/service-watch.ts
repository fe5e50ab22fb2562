import type { Runtime, Snapshot } from "@skein/core";
import { pause, type WatchTeller } from "@skein/registry/backend";

/** Everybody is asked again each time so much has passed, and ±20 %: what was lost is found, ms. */
const ASK_AGAIN_MS = 60_000;

export interface ServiceWatchOptions {
  readonly runtime: Runtime;
  readonly tell: WatchTeller;
  /** Asks, and resolves when answers have come. */
  look(signal: AbortSignal): Promise<void>;
  snapshot(): Snapshot;
  /** Why it is known to be deaf. */
  fault(): Error | undefined;
}

/** Looks after one service: asks, waits for answers before it first tells, and tells of each change afterwards. */
export class ServiceWatch {
  readonly #o: ServiceWatchOptions;
  #round = new AbortController();
  /** Told what is true: changes are told from now on. */
  #live = false;
  #telling = false;

  constructor(options: ServiceWatchOptions) {
    this.#o = options;
  }

  /** Asks anew, and tells when answers have come. */
  start(): void {
    this.stop();
    this.#round = new AbortController();
    void this.#run(this.#round.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { runtime, look, fault, tell } = this.#o;
    for (;;) {
      await look(signal);
      if (signal.aborted) return;
      const why = fault();
      if (why !== undefined) tell.failed(why);
      else if (!this.#live) {
        this.#live = true;
        this.#tell();
      }
      await pause(runtime, ASK_AGAIN_MS * (0.8 + 0.4 * runtime.random()), signal);
      if (signal.aborted) return;
    }
  }

  /** Its instances are others. */
  changed(): void {
    if (!this.#live || this.#telling) return;
    this.#telling = true;
    this.#o.runtime.defer(() => {
      this.#telling = false;
      if (this.#live) this.#tell();
    });
  }

  #tell(): void {
    this.#o.tell.found(this.#o.snapshot());
  }

  /** Nothing is heard: whom it knows stays. */
  failed(error: unknown): void {
    this.stop();
    this.#o.tell.failed(error);
  }

  stop(): void {
    this.#live = false;
    this.#round.abort();
  }
}
