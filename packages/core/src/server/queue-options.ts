export interface QueueOptions {
  /** Jobs that may wait; for each method with a concurrency limit as well. @default 1000 */
  readonly maxQueue: number;
  /**
   * Once overloaded, an admitted call waits about so long at most, ms: half of it in the queue, as the rest may pass before it is read from its
   * connection. `sheddable` ones get a quarter of that, and nothing while others are refused. @default 20
   */
  readonly targetMs: number;
  /** The youngest age at the head must have been above targetMs for so long to be an overload, ms. @default 100 */
  readonly intervalMs: number;
  /**
   * Above this share of the heap's limit all calls but `critical` ones are refused, until it is five points lower. False: never. Needs a runtime
   * that tells (Node's does). @default 0.85
   */
  readonly heapLimit: number | false;
}
export const DEFAULT_QUEUE: QueueOptions = { maxQueue: 1000, targetMs: 20, intervalMs: 100, heapLimit: 0.85 };

/** Recovery is so much lower. */
export const HEAP_STEP = 0.05;
/** What a timer can wait: 24.8 days. */
const MOST = 2 ** 31 - 1;

/** Fills in defaults. Throws TypeError naming the field, its value and what would be right. */
export function resolveQueue(given: Partial<QueueOptions> | undefined): QueueOptions {
  for (const name of Object.keys(given ?? {}))
    if (!Object.hasOwn(DEFAULT_QUEUE, name))
      throw new TypeError(`queue.${name} is not known: there are ${Object.keys(DEFAULT_QUEUE).join(", ")}`);
  const {
    maxQueue = DEFAULT_QUEUE.maxQueue,
    targetMs = DEFAULT_QUEUE.targetMs,
    intervalMs = DEFAULT_QUEUE.intervalMs,
    heapLimit = DEFAULT_QUEUE.heapLimit,
  } = given ?? {};
  if (!(Number.isInteger(maxQueue) && maxQueue > 0 && maxQueue <= MOST))
    throw new TypeError(`queue.maxQueue is ${show(maxQueue)}: give a whole number from 1 to ${MOST}`);
  for (const [name, ms] of Object.entries({ targetMs, intervalMs }))
    if (!(typeof ms === "number" && ms > 0 && ms <= MOST))
      throw new TypeError(`queue.${name} is ${show(ms)}: give milliseconds above 0 and at most ${MOST}`);
  if (heapLimit !== false && !(typeof heapLimit === "number" && heapLimit > HEAP_STEP && heapLimit < 1))
    throw new TypeError(
      `queue.heapLimit is ${show(heapLimit)}: give a share above ${HEAP_STEP} and below 1, or false`,
    );
  return { maxQueue, targetMs, intervalMs, heapLimit };
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
