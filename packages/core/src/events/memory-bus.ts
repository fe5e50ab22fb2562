import { RpcError } from "../errors/rpc-error.ts";
import type { Runtime } from "../runtime.ts";
import { DeliveryQueue } from "./delivery-queue.ts";
import type { BusEvent, BusReceiver, BusSubscription, EventBus } from "./event-bus.ts";
import { takesEvent } from "./event-names.ts";

export interface MemoryBusOptions {
  readonly runtime: Runtime;
  /** Buses of one name in one process are one. @default a bus of its own */
  readonly name?: string | undefined;
  /** A larger payload is refused, bytes. @default 1 MiB, as NATS: what is too large is known before it runs there */
  readonly maxPayloadBytes?: number | undefined;
}

interface Listening {
  readonly subscription: BusSubscription;
  readonly queue: DeliveryQueue;
}

/** What buses of one name share. */
class Hub {
  readonly listening = new Set<Listening>();
  #turn = 0;

  /** Returns whether many wait for a handler. */
  publish(event: BusEvent): boolean {
    const groups = new Map<string, Listening[]>();
    for (const one of this.listening) {
      const { name, queue } = one.subscription;
      if (!takesEvent(name, event.name)) continue;
      if (queue === undefined) this.#give(one, event);
      else groups.set(`${queue} ${name}`, [...(groups.get(`${queue} ${name}`) ?? []), one]);
    }
    this.#turn++;
    for (const members of groups.values()) this.#give(leastBusy(members, this.#turn), event);
    for (const { queue } of this.listening)
      if (queue.waiting >= MANY || queue.waitingBytes >= MANY_BYTES) return true;
    return false;
  }

  /** What one handler does to the bytes, no other sees. */
  #give({ queue }: Listening, event: BusEvent): void {
    queue.push({ event: { ...event, payload: event.payload.slice() }, attempt: 1 });
  }
}

/** Of those that have as little to do, each in its turn. */
function leastBusy(members: readonly Listening[], turn: number): Listening {
  let best = members[turn % members.length] as Listening;
  for (const member of members) if (load(member) < load(best)) best = member;
  return best;
}

function load({ queue }: Listening): number {
  return queue.waiting + queue.running;
}

const named = new Map<string, Hub>();
/** That wait: who publishes in a loop lets handlers begin. */
const MANY = 256;
const MANY_BYTES = 4 * 1024 * 1024;
const MOST_PAYLOAD = 1024 * 1024;

/** Within one process, for development and tests: `memory:`. At most once: what nobody listens to is gone. */
export function createMemoryBus({
  runtime,
  name,
  maxPayloadBytes = MOST_PAYLOAD,
}: MemoryBusOptions): EventBus {
  const hub = name === undefined ? new Hub() : (named.get(name) ?? new Hub());
  if (name !== undefined) named.set(name, hub);
  const own = new Set<Listening>();
  const shown = `memory:${name ?? ""}`;
  let closed = false;
  const refuseClosed = (what: string): void => {
    if (closed) throw new RpcError("FAILED_PRECONDITION", `${what}: ${shown} is closed`, { executed: "no" });
  };
  const leave = (one: Listening): void => {
    own.delete(one);
    hub.listening.delete(one);
  };
  return {
    name: shown,
    delivery: "at-most-once",
    async publish(event) {
      refuseClosed(`${event.name} was not published`);
      const bytes = event.payload.length;
      if (bytes > maxPayloadBytes)
        throw new RpcError(
          "RESOURCE_EXHAUSTED",
          `${event.name} has ${bytes} bytes, and ${shown} takes at most ${maxPayloadBytes}`,
          { executed: "no" },
        );
      if (hub.publish(event)) await new Promise<void>((resolve) => runtime.yieldToIo(resolve));
    },
    async subscribe(subscription): Promise<BusReceiver> {
      refuseClosed(`${subscription.name} cannot be subscribed to`);
      const one = { subscription, queue: new DeliveryQueue({ subscription, defer: runtime.defer }) };
      own.add(one);
      hub.listening.add(one);
      let closing: Promise<void> | undefined;
      return {
        close() {
          leave(one);
          closing ??= one.queue.close();
          return closing;
        },
      };
    },
    async close() {
      closed = true;
      for (const one of [...own]) {
        leave(one);
        one.queue.destroy();
      }
    },
  };
}
