import type { Runtime, Snapshot } from "@skein/core";
import { backoffMs, pause, ToldWatch, type WatchTeller } from "@skein/registry/backend";
import type { Link } from "./link.ts";

/** Everybody is asked again each time so much has passed, and ±20 %: what was lost is found, ms. */
const ASK_AGAIN_MS = 60_000;

export interface ServiceWatchOptions {
  readonly runtime: Runtime;
  readonly tell: WatchTeller;
  /** Asks, and resolves when answers have come. Rejects when none can be had. */
  look(signal: AbortSignal): Promise<void>;
  snapshot(): Snapshot;
}

/** Looks after one service: asks, waits for answers before it first tells, and tells of each change afterwards. */
export class ServiceWatch {
  readonly #o: ServiceWatchOptions;
  #round = new AbortController();
  readonly #told: ToldWatch;

  constructor(options: ServiceWatchOptions) {
    this.#o = options;
    this.#told = new ToldWatch(options.runtime, options.tell, options.snapshot);
  }

  /** Starts where there is a connection. Where there is none who connects starts it, and it tells why there is none. The function that is returned ends it. */
  begin(link: Pick<Link, "connected" | "ready">): () => void {
    let ended = false;
    if (link.connected) this.start();
    else
      link.ready().catch((error: unknown) => {
        if (!ended && !link.connected) this.failed(error);
      });
    return () => {
      ended = true;
      this.stop();
    };
  }

  /** Asks anew, and tells when answers have come. */
  start(): void {
    this.stop();
    this.#round = new AbortController();
    void this.#run(this.#round.signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { runtime, look } = this.#o;
    for (let failures = 0; ; ) {
      let againMs = ASK_AGAIN_MS * (0.8 + 0.4 * runtime.random());
      try {
        await look(signal);
        if (signal.aborted) return;
        failures = 0;
        this.#told.known();
      } catch (error) {
        if (signal.aborted) return;
        this.#told.failed(error);
        againMs = backoffMs(failures++, runtime.random);
      }
      await pause(runtime, againMs, signal);
      if (signal.aborted) return;
    }
  }

  /** Its instances are others. */
  changed(): void {
    this.#told.changed();
  }

  /** Nothing is heard: whom it knows stays. */
  failed(error: unknown): void {
    this.stop();
    this.#told.failed(error);
  }

  stop(): void {
    this.#told.stop();
    this.#round.abort();
  }
}
