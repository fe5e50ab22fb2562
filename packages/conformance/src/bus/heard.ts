import type { BusDelivery, BusEvent, BusReceiver, BusSubscription, EventBus } from "@skein/core";
import type { BusHarness } from "./harness.ts";

const WAIT_MS = 10_000;
/** That something does not come cannot be awaited: looked at after this, ms. */
const QUIET_MS = 150;

/** Rejects after `ms`, saying what was awaited. */
export async function within<T>(promise: Promise<T>, what: () => string, ms = WAIT_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what()}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function quiet(ms = QUIET_MS): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves once it holds, or when it has been awaited for long enough: what is expected then says what is wrong. */
export async function soon({ waitMs = WAIT_MS }: BusHarness, holds: () => boolean): Promise<void> {
  for (let waited = 0; !holds() && waited < waitMs; waited += 25) await quiet(25);
}

/** A promise that its holder settles. */
export class Gate {
  open: () => void = () => {};
  readonly opened: Promise<void> = new Promise((resolve) => {
    this.open = resolve;
  });
}

export interface HeardOptions {
  readonly queue?: string;
  /** @default 16 */
  readonly concurrency?: number;
  /** @default "new" */
  readonly from?: BusSubscription["from"];
  /** What its handler does. @default nothing */
  readonly handle?: (delivery: BusDelivery) => Promise<void>;
}

/** A subscription that keeps what it is given. */
export class Heard {
  /** In the order in which they were begun. */
  readonly deliveries: BusDelivery[] = [];
  readonly troubles: Error[] = [];
  running = 0;
  mostRunning = 0;
  /** Handlers that have ended, well or not. */
  ended = 0;
  receiver: BusReceiver | undefined;
  readonly #waitMs: number;
  #look: (() => void)[] = [];

  constructor(waitMs: number) {
    this.#waitMs = waitMs;
  }

  async listen(bus: EventBus, name: string, options: HeardOptions): Promise<void> {
    this.receiver = await within(
      bus.subscribe({
        name,
        queue: options.queue,
        concurrency: options.concurrency ?? 16,
        from: options.from ?? "new",
        handle: (delivery) => this.#handle(delivery, options.handle),
        onTrouble: (error) => void this.troubles.push(error),
      }),
      () => `subscribe("${name}")`,
      this.#waitMs,
    );
  }

  async #handle(delivery: BusDelivery, handle: HeardOptions["handle"]): Promise<void> {
    this.deliveries.push(delivery);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    this.#changed();
    try {
      await handle?.(delivery);
    } finally {
      this.running--;
      this.ended++;
      this.#changed();
    }
  }

  #changed(): void {
    for (const look of this.#look) look();
  }

  get ids(): string[] {
    return this.deliveries.map(({ event }) => event.id);
  }

  /** So many were begun. */
  begun(n: number, ms?: number): Promise<void> {
    return this.#until(`${n} events`, () => this.deliveries.length >= n, ms);
  }

  /** So many have ended. */
  handled(n: number, ms?: number): Promise<void> {
    return this.#until(`${n} handled events`, () => this.ended >= n, ms);
  }

  #until(what: string, holds: () => boolean, ms = this.#waitMs): Promise<void> {
    const held = new Promise<void>((resolve) => {
      const look = (): void => {
        if (holds()) resolve();
      };
      this.#look.push(look);
      look();
    });
    const trouble = (): string => this.troubles.map(({ message }) => `; ${message}`).join("");
    return within(held, () => `${what}; there are ${this.deliveries.length}${trouble()}`, ms);
  }

  /** May be awaited late. */
  close(): Promise<void> {
    const closed = within(
      this.receiver?.close() ?? Promise.resolve(),
      () => "close() of a receiver",
      this.#waitMs,
    );
    closed.catch(() => {});
    return closed;
  }
}

let worlds = 0;

/** What a case has to work with. */
export interface BusStage {
  readonly bus: EventBus;
  /** Another client of the same bus. */
  other(): Promise<EventBus>;
  /** A name that no other case uses: of events (`t7.user.created`) and of queues. */
  name(text: string): string;
  /** A subscription of `bus`, or of another. */
  listen(name: string, options?: HeardOptions & { readonly on?: EventBus }): Promise<Heard>;
  /** Publishes an event that says no more than what is given. */
  publish(name: string, given?: Partial<BusEvent> & { readonly on?: EventBus }): Promise<BusEvent>;
}

export async function onStage(harness: BusHarness, run: (stage: BusStage) => Promise<void>): Promise<void> {
  const waitMs = harness.waitMs ?? WAIT_MS;
  const prefix = `t${process.pid}-${++worlds}`;
  const world = await harness.create();
  try {
    const bus = await world.connect();
    let published = 0;
    await run({
      bus,
      other: async () => world.connect(),
      name: (text) => `${prefix}.${text}`,
      async listen(name, { on = bus, ...options } = {}) {
        const heard = new Heard(waitMs);
        await heard.listen(on, name, options);
        return heard;
      },
      async publish(name, { on = bus, ...given } = {}) {
        const event = { ...sample(name, `${prefix}-${++published}`), ...given };
        await within(on.publish(event), () => `publish("${name}")`, waitMs);
        return event;
      },
    });
  } finally {
    await world.close();
  }
}

/** An event as anyone would publish it. */
export function sample(name: string, id: string): BusEvent {
  const payload = new TextEncoder().encode(JSON.stringify(id));
  return { name, id, publishedAt: Date.now(), metadata: {}, contentType: "application/json", payload };
}

/** The error that a promise ends with. */
export async function refusal(promise: Promise<unknown>): Promise<Error & { readonly executed?: string }> {
  try {
    await within(promise, () => "a refusal");
  } catch (error) {
    return error as Error;
  }
  throw new Error("not refused");
}
