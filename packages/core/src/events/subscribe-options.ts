import { eventPatternFault, eventQueueFault } from "./event-names.ts";

/** What subscriptions take, decorated or not. */
export interface EventOptions {
  /**
   * Each event goes to one of those that take it in the same queue, wherever they run: instances of one service share
   * their work.
   */
  readonly queue?: string | undefined;
  /**
   * Handlers that run at once in this process; what is more waits. 1: one after the other, in the order in which a publisher sent them. @default 64
   */
  readonly concurrency?: number | undefined;
  /**
   * Where a durable bus begins with a queue that it does not know yet: with what comes, with all that it has stored, or at a time. Other buses
   * have nothing stored. @default "new"
   */
  readonly from?: "new" | "all" | PointInTime | number | undefined;
}

/** A Date, of whatever realm. */
export interface PointInTime {
  getTime(): number;
}

/** What `@On` takes. */
export interface OnOptions extends EventOptions {
  /** Each instance of the service gets each event, as for caches. @default one of the service's instances: its queue is the service's name */
  readonly broadcast?: boolean | undefined;
}

/**
 * Handlers wait for databases and other services most of the time: fewer at once would leave a process idle, and many more would open as many
 * connections as a burst has events.
 */
const DEFAULT_CONCURRENCY = 64;
const MOST_CONCURRENCY = 100_000;
/** The end of the year 9999: what is later has no form that servers read, and is mostly not in milliseconds. */
const LAST_TIME = 253_402_300_799_999;
const KNOWN: readonly string[] = Object.keys({
  queue: true,
  concurrency: true,
  from: true,
} satisfies Record<keyof EventOptions, true>);
const KNOWN_ON: readonly string[] = [...KNOWN, "broadcast" satisfies keyof OnOptions];

/** Undefined, or what is wrong and what would be right. */
export function subscriptionFault(name: unknown, options: EventOptions, known = KNOWN): string | undefined {
  const fault = eventPatternFault(name);
  if (fault !== undefined) return fault;
  if (typeof options !== "object" || options === null)
    return `the options are ${String(options)}: give an object of ${known.join(", ")}`;
  for (const key of Object.keys(options))
    if (!known.includes(key)) return `there is no option "${key}": there are ${known.join(", ")}`;
  const { queue, concurrency, from } = options;
  if (queue !== undefined) {
    const queueFault = eventQueueFault(queue);
    if (queueFault !== undefined) return queueFault;
  }
  if (concurrency !== undefined && !isCount(concurrency))
    return `concurrency is ${String(concurrency)}: give a whole number of handlers from 1 to ${MOST_CONCURRENCY}`;
  if (from !== undefined && from !== "new" && from !== "all" && !isTime(from))
    return `from is ${String(from)}: give "new", "all", or a time (a Date, or milliseconds since 1970, up to the year 9999)`;
  return undefined;
}

/** As subscriptionFault, for `@On`. */
export function onFault(name: unknown, options: OnOptions): string | undefined {
  const { broadcast, queue } = options;
  if (broadcast !== undefined && typeof broadcast !== "boolean")
    return `broadcast is ${String(broadcast)}: give true or false`;
  if (broadcast === true && queue !== undefined)
    return "broadcast means that everyone gets each event, and a queue that one does: give one of them";
  return subscriptionFault(name, options, KNOWN_ON);
}

export interface Resolved {
  readonly concurrency: number;
  readonly from: "new" | "all" | number;
}

/** Fills in. The options are without fault. */
export function resolveSubscription({
  concurrency = DEFAULT_CONCURRENCY,
  from = "new",
}: EventOptions): Resolved {
  return { concurrency, from: typeof from === "object" ? from.getTime() : from };
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MOST_CONCURRENCY;
}

function isTime(value: unknown): boolean {
  const time = typeof value === "object" ? (value as Partial<PointInTime> | null)?.getTime?.() : value;
  return typeof time === "number" && time >= 0 && time <= LAST_TIME;
}
