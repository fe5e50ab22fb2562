import type { BusSubscription } from "@skein/core";
import { isObject, type Json } from "@skein/registry/backend";
import { isRefusal } from "../jetstream/errors.ts";
import { fromNanos, nanos } from "../jetstream/nanos.ts";
import type { EventLink } from "./event-link.ts";
import { durableName, patternSubject } from "./event-subjects.ts";
import type { StreamTarget } from "./event-url.ts";
import { jetStreamFault } from "./jetstream-fault.ts";

/** A consumer for one process is forgotten when that has asked for nothing for so long, ms. */
const FORGOTTEN_MS = 300_000;
/** Events of one consumer that are given out and not done with, those that wait to be given again included. */
const MOST_PENDING = 10_000;

/** Where JetStream notes what one subscription was given. */
export interface Consumer {
  readonly name: string;
  /** What it says itself, ms: it may have been made with other settings. */
  readonly ackWaitMs: number;
  /** The latest event of the stream that it has given out, or passed over. */
  readonly givenOut: number;
  /** By the server's clock, ms since 1970. */
  readonly createdAt: number;
}

export interface ConsumerWish {
  readonly link: EventLink;
  readonly prefix: string;
  readonly stream: StreamTarget;
  readonly subscription: Pick<BusSubscription, "name" | "queue" | "from">;
  /** Of the consumer of one process; unused where there is a queue. */
  readonly own: string;
}

/** Of the wish's consumer. */
function consumerName({ subscription: { queue, name }, prefix, own }: ConsumerWish): string {
  return queue === undefined ? own : durableName(queue, prefix, name);
}

/** The one that is there, left as it is. */
export async function findConsumer(wish: ConsumerWish): Promise<Consumer | undefined> {
  const name = consumerName(wish);
  try {
    const found = await wish.link.jetStream.findConsumer(wish.stream.name, name);
    return found && toConsumer(name, found);
  } catch (error) {
    throw toFault(wish, error);
  }
}

/** @param after begins after this event of the stream (0: with all), instead of where the subscription says */
export async function makeConsumer(wish: ConsumerWish, after?: number): Promise<Consumer> {
  const { link, prefix, stream, subscription } = wish;
  const name = consumerName(wish);
  const config = {
    ...(subscription.queue === undefined
      ? { name, inactive_threshold: nanos(FORGOTTEN_MS), num_replicas: 1 }
      : { name, durable_name: name }),
    ...(after === undefined
      ? begin(subscription.from)
      : { deliver_policy: "by_start_sequence", opt_start_seq: after + 1 }),
    ack_policy: "explicit",
    ack_wait: nanos(stream.ackWaitMs),
    // Who gives up is the receiver, which keeps the event: JetStream would only forget it.
    max_deliver: -1,
    max_ack_pending: MOST_PENDING,
    filter_subject: patternSubject(prefix, subscription.name),
    replay_policy: "instant",
  };
  try {
    return toConsumer(name, await link.jetStream.makeConsumer(stream.name, config));
  } catch (error) {
    if (isRefusal(error, "consumerExists")) {
      const there = await findConsumer(wish);
      if (there !== undefined) return there;
    }
    throw toFault(wish, error);
  }
}

/** Whether the stream was made after a consumer that it had once: then it counts from 1 again. */
export async function isNewerStream({ link, stream }: ConsumerWish, than: Consumer): Promise<boolean> {
  const { created } = await link.jetStream.stream(stream.name);
  return Date.parse(String(created)) > than.createdAt;
}

function begin(from: BusSubscription["from"]): Json {
  if (from === "new" || from === "all") return { deliver_policy: from };
  return { deliver_policy: "by_start_time", opt_start_time: new Date(from).toISOString() };
}

function toConsumer(name: string, answer: Json): Consumer {
  const { ack_wait: wait } = isObject(answer.config) ? answer.config : {};
  const { stream_seq: given } = isObject(answer.delivered) ? answer.delivered : {};
  return {
    name,
    ackWaitMs: typeof wait === "number" ? fromNanos(wait) : 30_000,
    givenOut: typeof given === "number" ? given : 0,
    createdAt: Date.parse(String(answer.created)),
  };
}

function toFault({ link, stream, subscription }: ConsumerWish, error: unknown): unknown {
  return jetStreamFault(link, `${subscription.name} of the stream ${stream.name}`, error);
}
