import type { Clock, HeapUse, Logger, Runtime } from "../runtime.ts";
import { HEAP_STEP } from "./queue-options.ts";

/** Reading costs some microseconds. */
const EVERY_MS = 100;
const MB = 1024 * 1024;

/** Says when the heap is nearly full: whoever goes on taking work then collects garbage instead, and ends with all calls lost. */
export class HeapGuard {
  full = false;
  readonly #read: () => HeapUse;
  readonly #share: number;
  readonly #logger: Logger;
  #readAt: number;

  /** @param share of the heap's limit above which it is full; @param clock of look() */
  constructor(read: () => HeapUse, share: number, logger: Logger, clock: Clock) {
    this.#read = read;
    this.#share = share;
    this.#logger = logger;
    this.#readAt = clock.monotonic() - EVERY_MS;
  }

  /** Frames came. Reads anew ten times a second at most. @param now ms */
  look(now: number): void {
    if (now - this.#readAt < EVERY_MS) return;
    this.#readAt = now;
    const use = this.#read();
    const share = use.usedBytes / use.limitBytes;
    if (!this.full && share > this.#share) {
      this.full = true;
      this.#logger.warn(fields(use), `${words(use)}: ${this.#remedy()}`);
    } else if (this.full && share < this.#share - HEAP_STEP) {
      this.full = false;
      this.#logger.info(fields(use), `${words(use)}: calls are taken again`);
    }
  }

  #remedy(): string {
    const until = percent(this.#share - HEAP_STEP);
    return `all calls but critical ones are refused until it is below ${until}; look for what is kept, run more instances, or give Node more (--max-old-space-size). queue.heapLimit sets the share, false turns this off`;
  }
}

/** Undefined where it is turned off or nobody can tell. */
export function guardHeap(runtime: Runtime, share: number | false, logger: Logger): HeapGuard | undefined {
  const { heap } = runtime;
  return share === false || heap === undefined
    ? undefined
    : new HeapGuard(heap, share, logger, runtime.clock);
}

function fields({ usedBytes, limitBytes }: HeapUse): object {
  return { usedMb: Math.round(usedBytes / MB), limitMb: Math.round(limitBytes / MB) };
}

function words(use: HeapUse): string {
  const mb = (bytes: number): number => Math.round(bytes / MB);
  return `the heap is at ${percent(use.usedBytes / use.limitBytes)} (${mb(use.usedBytes)} of ${mb(use.limitBytes)} MB)`;
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}
