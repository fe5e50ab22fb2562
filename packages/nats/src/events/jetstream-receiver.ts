import type { BusReceiver, BusSubscription, RpcError, Timer } from "@skein/core";
import { type Delivery, parseAckSubject } from "../jetstream/ack-subject.ts";
import { apiSubject } from "../jetstream/jetstream.ts";
import { nanos } from "../jetstream/nanos.ts";
import type { NatsMessage, NatsSubscription } from "../nats-port.ts";
import { atMost, pause } from "../pauses.ts";
import { backoffMs } from "./backoff.ts";
import { type Consumer, type ConsumerWish, findConsumer, isNewerStream, makeConsumer } from "./consumer.ts";
import { bury, reasonOf } from "./dead-letters.ts";
import type { EventLink } from "./event-link.ts";
import { readEvent } from "./event-message.ts";
import { nameIn } from "./event-subjects.ts";
import type { StreamTarget } from "./event-url.ts";
import { type Held, HeldEvents } from "./held-events.ts";
import { Pulls } from "./pulls.ts";
import { type Given, Settlements, WORDS } from "./settlements.ts";

/** A request for events ends after this, and is made again, ms. */
const EXPIRES_MS = 30_000;
/** The server says that it is there while it has nothing else to say, ms. */
const HEARTBEAT_MS = 5000;
const SILENCE_MS = 2.5 * HEARTBEAT_MS;
/** Between attempts to find the consumer again, ms. */
const LEAST_PAUSE_MS = 100;
const MOST_PAUSE_MS = 2000;
/** close(): how long the server has to confirm, ms. */
const CONFIRM_MS = 3000;
/** JetStream counts what was given back unbegun as an attempt too: unhandled, an event is given up after so many times maxDeliver only, as what ends its process each time. */
const MOST_GIVEN = 2;

export interface JetStreamReceiverOptions {
  readonly link: EventLink;
  readonly prefix: string;
  readonly stream: StreamTarget;
  readonly subscription: BusSubscription;
  /** Makes what somebody has deleted. */
  ensureStreams(): Promise<void>;
  over(): void;
}

/** Fetches events as handlers have time for them. */
export class JetStreamReceiver implements BusReceiver {
  readonly #o: JetStreamReceiverOptions;
  readonly #wish: ConsumerWish;
  readonly #pulls: Pulls;
  readonly #settlements: Settlements;
  readonly #inbox: string;
  readonly #watcher;
  readonly #held = new HeldEvents();
  #running = 0;
  #consumer: Consumer | undefined;
  #subscribed: NatsSubscription | undefined;
  #refused: RpcError | undefined;
  /** The latest event of the stream that we know to be given out. */
  #latest = 0;
  #heardAt = 0;
  #recovering = false;
  #tick: Timer | undefined;
  #tickedAt = 0;
  #doubts = false;
  #closing: Promise<void> | undefined;
  /** Takes no more. */
  #stopped = false;
  #ended = false;
  #idle: (() => void)[] = [];

  constructor(options: JetStreamReceiverOptions) {
    this.#o = options;
    const { link, prefix, stream, subscription } = options;
    this.#wish = { link, prefix, stream, subscription, own: link.runtime.uniqueId() };
    this.#pulls = new Pulls(subscription.concurrency);
    this.#settlements = new Settlements(link, {
      nobody: () => void this.#recover(),
      refused: (error) => this.#tell(error),
    });
    this.#inbox = link.inbox();
    this.#watcher = {
      connected: () => this.#connected(),
      disconnected: () => this.#settlements.hold(),
    };
  }

  get #now(): number {
    return this.#o.link.runtime.clock.fresh();
  }

  async begin(): Promise<void> {
    const { link } = this.#o;
    this.#subscribed = link.subscribe(
      `${this.#inbox}*`,
      (message) => this.#take(message),
      (error) => {
        this.#refused = error;
        if (this.#consumer !== undefined) this.#tell(error);
      },
    );
    this.#adopt((await findConsumer(this.#wish)) ?? (await makeConsumer(this.#wish)));
    if (this.#refused !== undefined) throw this.#refused;
    link.watchers.add(this.#watcher);
    this.#heardAt = this.#now;
    this.#schedule();
    this.#topUp();
  }

  #adopt(consumer: Consumer): void {
    this.#consumer = consumer;
    this.#latest = Math.max(this.#latest, consumer.givenOut);
  }

  #connected(): void {
    this.#pulls.reset();
    void this.#recover(0);
  }

  #tell(error: Error, lost = 0): void {
    this.#o.subscription.onTrouble(error, lost);
  }

  // What comes.

  #take(message: NatsMessage): void {
    this.#heardAt = this.#now;
    if (message.nobody || (message.headers?.code ?? 0) > 0) {
      this.#takeStatus(message);
      return;
    }
    const delivery = parseAckSubject(message.reply);
    if (delivery?.stream !== this.#o.stream.name) return;
    const { sequence, key } = delivery;
    const ack = message.reply as string;
    this.#pulls.came();
    if (this.#stoodStill()) return;
    this.#latest = Math.max(this.#latest, sequence);
    const known = this.#held.get(key);
    if (known !== undefined) known.ack = ack;
    else if (this.#settlements.isDone(key)) this.#settlements.sayAgain({ sequence, key, ack });
    else if (this.#stopped) this.#settlements.say({ sequence, key, ack }, WORDS.again(0));
    else this.#keep(message, delivery, ack);
    this.#topUp();
  }

  #keep({ subject, bytes, headers }: NatsMessage, delivery: Delivery, ack: string): void {
    const { sequence, key, attempt, timeMs } = delivery;
    const name = nameIn(this.#o.prefix, subject);
    if (name === undefined) return this.#refuse({ sequence, key, ack }, subject);
    const unsaid = () => ({ id: `${this.#o.stream.name}-${sequence}`, publishedAt: Math.floor(timeMs) });
    const event = readEvent(name, bytes, headers, unsaid);
    this.#held.add({ sequence, key, event, attempt, ack, since: this.#now, toldAt: this.#now });
    this.#pump();
  }

  #refuse(given: Given, subject: string): void {
    this.#settlements.say(given, WORDS.never);
    const text = `${JSON.stringify(subject)} is no event of ours, and was passed over`;
    this.#tell(this.#o.link.fault("INVALID_ARGUMENT", text), 1);
  }

  #takeStatus({ subject, nobody, headers }: NatsMessage): void {
    if (headers?.code === 100) return;
    const left = Number.parseInt(headers?.get("Nats-Pending-Messages") ?? "", 10);
    const request = Number(subject.slice(this.#inbox.length));
    this.#pulls.ended(request, Number.isNaN(left) ? undefined : left);
    // 404 and 408: there was nothing, for so long. 409: something is not as it was.
    if (nobody || (headers?.code !== 404 && headers?.code !== 408)) void this.#recover();
    else this.#topUp();
  }

  // What is handled.

  #pump(): void {
    const { concurrency } = this.#o.subscription;
    this.#dropGiven();
    while (!this.#stopped && this.#running < concurrency) {
      const held = this.#held.next();
      if (held === undefined) break;
      // Read anew for each: this process may have been stopped since the one before was begun.
      if (held.toldAt < this.#now - (this.#consumer?.ackWaitMs ?? 0)) this.#held.remove(held);
      else this.#run(held).catch((error: Error) => this.#tell(error));
    }
    this.#topUp();
  }

  async #run(held: Held): Promise<void> {
    this.#running++;
    const { event, attempt } = held;
    const { subscription, stream } = this.#o;
    try {
      if (attempt > MOST_GIVEN * stream.maxDeliver) {
        await this.#bury(held, new Error("nobody has said how the last attempt ended"));
        return;
      }
      const begun = this.#now;
      await subscription.handle({ event, attempt });
      this.#pulls.handled(this.#now - begun);
      this.#settle(held, WORDS.done);
    } catch (error) {
      if (attempt >= stream.maxDeliver) await this.#bury(held, error);
      else this.#settle(held, WORDS.again(backoffMs(attempt, stream.backoffMs)));
    } finally {
      this.#running--;
      if (this.#running === 0) for (const tell of this.#idle.splice(0)) tell();
      this.#pump();
    }
  }

  #settle(held: Held, word: Uint8Array): void {
    if (this.#held.remove(held)) this.#settlements.say(held, word);
  }

  async #bury(held: Held, cause: unknown): Promise<void> {
    const { link, stream, subscription } = this.#o;
    const { event, sequence, attempt } = held;
    const attempts = Math.min(attempt, MOST_GIVEN * stream.maxDeliver);
    const reason = reasonOf(cause);
    const consumer = this.#consumer?.name ?? "";
    const what = `${event.name} (${event.id}) of ${subscription.queue ?? "no queue"}`;
    try {
      const kept = await bury(link, stream, { event, sequence, attempts, consumer, reason });
      this.#settle(held, WORDS.never);
      const text = `${what} is given up after ${attempts} attempts and kept as ${kept}: ${reason}`;
      this.#tell(link.fault("ABORTED", text, "maybe", cause), 1);
    } catch (error) {
      this.#settle(held, WORDS.again(backoffMs(attempt, stream.backoffMs)));
      const text = `${what} should be given up and cannot be kept as a dead letter: ${(error as Error).message}`;
      this.#tell(link.fault("UNAVAILABLE", `${text}. It is tried again`, "maybe", error));
      await this.#o.ensureStreams().catch(() => {});
    }
  }

  // What is asked for.

  #topUp(): void {
    const { link, stream } = this.#o;
    if (this.#stopped || this.#recovering || this.#doubts) return;
    if (this.#consumer === undefined || !link.connected) return;
    const batch = this.#pulls.want(this.#held.size);
    if (batch === 0) return;
    const body = { batch, expires: nanos(EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    const subject = apiSubject(`CONSUMER.MSG.NEXT.${stream.name}.${this.#consumer.name}`);
    if (this.#pulls.outstanding === 0) this.#heardAt = this.#now;
    const reply = this.#inbox + this.#pulls.asked(batch);
    link.publish(subject, Buffer.from(JSON.stringify(body)), { reply });
  }

  /** Finds its consumer, or makes it again where somebody has deleted it or the server has lost it. */
  async #recover(afterMs = LEAST_PAUSE_MS): Promise<void> {
    if (this.#recovering || this.#ended) return;
    this.#recovering = true;
    const { link } = this.#o;
    // What made it necessary may last a little, or come again.
    if (afterMs > 0) await pause(link.runtime.clock, afterMs);
    for (let ms = LEAST_PAUSE_MS; !this.#ended && link.connected; ms *= 2) {
      try {
        this.#adopt(await this.#findAgain());
        break;
      } catch (error) {
        if (ms === LEAST_PAUSE_MS * 8) this.#tell(error as Error);
        await pause(link.runtime.clock, Math.min(ms, MOST_PAUSE_MS));
      }
    }
    this.#recovering = false;
    this.#pulls.reset();
    if (!link.connected) return;
    this.#settlements.sayAllAgain();
    this.#sayWorking(0);
    this.#topUp();
  }

  async #findAgain(): Promise<Consumer> {
    const before = this.#consumer as Consumer;
    const found = await findConsumer(this.#wish);
    if (found?.createdAt === before.createdAt) return found;
    if (this.#stopped) {
      this.#settlements.end();
      return before;
    }
    if (found === undefined) {
      const text = `${this.#o.subscription.name}: what JetStream noted of this subscription is gone; it goes on after the last event that was given to this process`;
      this.#tell(this.#o.link.fault("DATA_LOSS", text));
      await this.#o.ensureStreams();
    }
    if (await isNewerStream(this.#wish, before)) this.#forgetAll();
    if (found !== undefined) return found;
    const after = Math.min(this.#latest, this.#held.first - 1);
    const made = await makeConsumer(this.#wish, after);
    this.#settlements.forget(after);
    return made;
  }

  /** Numbers mean other events now. What was given to us is handled still, and nobody is told. */
  #forgetAll(): void {
    this.#held.forgetNumbers();
    this.#settlements.forget();
    this.#latest = 0;
  }

  // What time brings.

  /** What comes then may have been on its way for so long that the server has given it to others: until it answers, all that comes is left to them. */
  #stoodStill(): boolean {
    if (this.#now - this.#tickedAt > (this.#consumer?.ackWaitMs ?? 0) / 2 && !this.#doubts) {
      this.#doubts = true;
      const trust = (): void => {
        this.#doubts = false;
        this.#topUp();
      };
      this.#o.link.flush().then(trust, trust);
    }
    return this.#doubts;
  }

  #schedule(): void {
    const wait = this.#consumer?.ackWaitMs ?? HEARTBEAT_MS;
    const ms = Math.min(wait / 4, HEARTBEAT_MS);
    this.#tickedAt = this.#now;
    this.#tick = this.#o.link.runtime.clock.setTimer(ms, () => {
      this.#stoodStill();
      this.#sayWorking(wait / 4);
      if (this.#pulls.outstanding > 0 && this.#now - this.#heardAt > SILENCE_MS) void this.#recover();
      // Handlers are slow all at once: others may begin it sooner.
      this.#leaveWaiting(this.#now - wait);
      this.#topUp();
      this.#schedule();
    });
  }

  /** The server gives to others what it has heard nothing of for so long: this process or the connection stood still. */
  #dropGiven(): void {
    this.#held.dropToldBefore(this.#now - (this.#consumer?.ackWaitMs ?? 0));
  }

  /** Nobody else is to be given what we have. */
  #sayWorking(olderMs: number): void {
    if (!this.#o.link.connected) return;
    this.#dropGiven();
    const now = this.#now;
    for (const held of this.#held.toldBefore(now - olderMs)) {
      held.toldAt = now;
      this.#o.link.publish(held.ack, WORDS.working);
    }
  }

  // How it ends.

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopped = true;
    const { subscription, link, stream } = this.#o;
    const { clock } = link.runtime;
    await atMost(clock, CONFIRM_MS, this.#subscribed?.drain?.() ?? Promise.resolve());
    this.#leaveWaiting();
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await atMost(clock, CONFIRM_MS, this.#settlements.allConfirmed());
    if (subscription.queue === undefined && this.#consumer !== undefined)
      await link.jetStream.deleteConsumer(stream.name, this.#consumer.name);
    this.#end();
  }

  /** To others, at once. What has waited for too long, and has no attempt left for others, waits on. */
  #leaveWaiting(since?: number): void {
    const below = since === undefined ? undefined : this.#o.stream.maxDeliver;
    for (const held of this.#held.takeOlder(since, below)) this.#settle(held, WORDS.again(0));
  }

  /** Waits for nothing. */
  abandon(): void {
    this.#stopped = true;
    this.#subscribed?.();
    this.#leaveWaiting();
    this.#end();
  }

  #end(): void {
    this.#ended = true;
    this.#settlements.end();
    this.#tick?.cancel();
    this.#o.link.watchers.delete(this.#watcher);
    this.#o.over();
  }
}
