import { nodeRuntime as runtime } from "@skein/conformance/node";
import {
  type BusDelivery,
  type BusEvent,
  type BusSubscription,
  type EventBus,
  silentLogger,
} from "@skein/core";
import { connect, type NatsConnection } from "nats";
import { expect } from "vitest";
import type { NatsServer } from "../../test/nats-server.ts";
import { createEventBus } from "../create-event-bus.ts";

/** A real server, a plain client of it, and buses. */
export class Desk {
  readonly undo: (() => unknown)[] = [];
  #server: NatsServer | undefined;
  #plain: NatsConnection | undefined;

  async begin(started: Promise<NatsServer>): Promise<void> {
    this.#server = await started;
    this.#plain = await connect({ servers: this.server.url });
  }

  get server(): NatsServer {
    return this.#server as NatsServer;
  }
  get plain(): NatsConnection {
    return this.#plain as NatsConnection;
  }

  open(query = "", url = this.server.url): EventBus {
    const bus = createEventBus(`${url}/?${query}`, { runtime, logger: silentLogger });
    this.undo.push(() => bus.close());
    return bus;
  }

  async end(): Promise<void> {
    for (const step of this.undo.splice(0).reverse()) await step();
    await this.plain.close();
    await this.server.close();
  }
}

interface Heard {
  readonly deliveries: BusDelivery[];
  readonly troubles: Error[];
  /** Events that they cost. */
  readonly lost: number;
  close(): Promise<void>;
}

export async function hear(
  bus: EventBus,
  name: string,
  { handle = async () => {}, ...rest }: Partial<BusSubscription> = {},
): Promise<Heard> {
  const deliveries: BusDelivery[] = [];
  const troubles: Error[] = [];
  let lost = 0;
  const receiver = await bus.subscribe({
    name,
    queue: undefined,
    concurrency: 4,
    from: "new",
    handle(delivery) {
      deliveries.push(delivery);
      return handle(delivery);
    },
    onTrouble: (error, cost = 0) => {
      troubles.push(error);
      lost += cost;
    },
    ...rest,
  });
  return {
    deliveries,
    troubles,
    get lost() {
      return lost;
    },
    close: () => receiver.close(),
  };
}

let published = 0;
export const event = (name: string, given: Partial<BusEvent> = {}): BusEvent => ({
  name,
  id: `e-${++published}`,
  publishedAt: Date.now(),
  metadata: {},
  contentType: "application/json",
  payload: Buffer.from("{}"),
  ...given,
});
export const until = (holds: () => boolean, timeout = 10_000): Promise<void> =>
  expect.poll(holds, { timeout, interval: 10 }).toBe(true);
