import { type ForeignSessionOptions, RpcError, type Timer } from "@skein/core";
import {
  AssumedEndpoints,
  assumedUnary,
  type ClientSession,
  type OutgoingCall,
  Ticker,
  tooLate,
  unavailable,
  withExecuted,
} from "@skein/core/internal";
import type { NatsMessage } from "../../nats-port.ts";
import { readError } from "../micro-errors.ts";
import { Census } from "./census.ts";
import { type Flight, mayBeSentAgain, mayRunTwice, publish } from "./flight.ts";
import { KnownEndpoints } from "./known-endpoints.ts";
import type { Link, OpenLink } from "./link.ts";
import { away, bytesOf, finish, nobodyServes } from "./outcomes.ts";
import { RollCall } from "./roll-call.ts";

const MAX_CALLS = 1000;
/** Who serves is asked so often while there are calls, ms: of somebody who came later nobody would know that he is gone. */
const RECOUNT_MS = 10_000;
/** An answer to a question as old as this is still news, ms. */
const ASKED_JUST_NOW_MS = 20;
/** What was told of methods is believed for so long, ms, before one that is missing is asked for again. */
const BELIEVED_MS = 1000;

export interface MicroSessionOptions extends ForeignSessionOptions {
  readonly shared: Link;
  /** As the protocol writes it. */
  readonly name: string;
  readonly namespace: string | undefined;
}

/** Calls to a service by its queue groups: who answers is NATS's choice, call by call. */
export class MicroSession implements ClientSession {
  state: ClientSession["state"] = "opening";
  readonly instance = "";
  readonly version = "";
  readonly endpoints = new AssumedEndpoints(assumedUnary);
  readonly #o: MicroSessionOptions;
  readonly #known: KnownEndpoints;
  readonly #census: Census;
  readonly #rollCall: RollCall;
  readonly #link: OpenLink;
  readonly #release: () => void;
  /** Once NATS is there: until somebody has answered. */
  #opening: Timer | undefined;
  readonly #ticker: Ticker;
  readonly #flights = new Map<OutgoingCall, Flight>();
  /** For a free place, or for who serves to say what there is. */
  readonly #waiting = new Set<OutgoingCall>();
  readonly #maxCalls: number;
  #credentials: string | undefined;
  #suspected = false;
  /** By what: it is told a turn later, and calls may come meanwhile. */
  #ended: RpcError | undefined;
  /** When it was heard last that somebody who had been there is there no more, clock.fresh() ms. */
  #goneAt = Number.NEGATIVE_INFINITY;

  constructor(options: MicroSessionOptions) {
    const { runtime, limits, liveness, shared, name, namespace } = options;
    this.#o = options;
    this.#maxCalls = limits?.maxCalls ?? MAX_CALLS;
    this.#credentials = options.credentials;
    this.#known = new KnownEndpoints(namespace);
    const { link, release } = shared.use((why) => this.#lost(why));
    this.#link = link;
    this.#release = release;
    const { suspectMs: answerMs, deadAfterMs: forgetMs } = liveness;
    this.#census = new Census({
      runtime,
      link,
      name,
      answerMs,
      goesOn: () => this.state === "opening",
      told: (info) => {
        if (!this.#known.learn(info)) return;
        this.#rollCall.met(info.id);
        this.#told();
      },
      over: (nobody) => this.#counted(nobody),
    });
    this.#rollCall = new RollCall({
      runtime,
      link,
      name,
      answerMs,
      forgetMs,
      gone: () => this.#gone(),
      silent: (askedAt, all) => this.#silent(askedAt, all),
      answered: () => this.#well(),
    });
    this.#ticker = new Ticker({
      runtime,
      busy: () => this.pending > 0,
      restMs: () => liveness.idlePingMs,
      stoodStill: () => {},
      look: () => this.#look(),
    });
    void this.#open();
  }

  get #where(): string {
    return `${this.#o.name} at ${this.#link.port.name}`;
  }

  get pending(): number {
    return this.#flights.size + this.#waiting.size;
  }

  async #open(): Promise<void> {
    const { connectTimeoutMs: ms, runtime } = this.#o;
    try {
      await this.#link.port.ready(ms);
    } catch (error) {
      return this.#die(unavailable((error as Error).message, "no", "none", error));
    }
    if (this.state !== "opening") return;
    const late = (): void => this.#die(unavailable(`${this.#where} did not answer within ${ms} ms`));
    this.#opening = runtime.clock.setTimer(ms, late);
    this.#census.ask();
  }

  #well(): void {
    if (!this.#suspected) return;
    this.#suspected = false;
    this.#o.events.suspect(false);
  }

  /** Somebody has said what he offers. */
  #told(): void {
    this.#well();
    if (this.state === "opening") {
      this.state = "open";
      this.#opening?.cancel();
      this.#ticker.arm();
      this.#o.events.ready();
    }
    this.#next();
  }

  // ---- calls

  start(call: OutgoingCall): void {
    if (this.state !== "open") {
      const text = `the service ${this.#where} is ${this.state}`;
      return call.fail(unavailable(text, "no", "elsewhere", this.#ended?.cause));
    }
    if (this.#flights.size < this.#maxCalls) return this.#send(call);
    this.#waiting.add(call);
    this.#ticker.arm();
  }

  #send(call: OutgoingCall): void {
    const now = this.#o.runtime.clock.monotonic();
    if (call.expiresAt <= now) return call.fail(tooLate("no"));
    const endpoint = this.#known.find(call.endpoint.name);
    if (endpoint === undefined) return this.#unknown(call, now);
    let flight: Flight;
    try {
      const bytes = bytesOf(call);
      const expected = this.#link.expect((message) => this.#answer(call, message));
      flight = { call, endpoint, bytes, expected, sentAt: now, sends: 0, unanswered: 0 };
      this.#flights.set(call, flight);
      publish(flight, this.#link, this.#credentials, now);
    } catch (error) {
      this.#take(call);
      return call.fail(RpcError.is(error) ? error : unavailable((error as Error).message, "no"));
    }
    this.#ticker.arm(call.expiresAt - now);
  }

  /** Nobody has told of it: perhaps somebody will who has come since. */
  #unknown(call: OutgoingCall, now: number): void {
    const { name } = call.endpoint;
    if (this.#census.running || (call.id === 0 && now - this.#census.askedAt > BELIEVED_MS)) {
      // It has been asked for.
      call.id = 1;
      this.#waiting.add(call);
      if (!this.#census.running) this.#census.ask();
      return this.#ticker.arm();
    }
    const text = `${this.#where} has no endpoint ${name}${this.#known.near(name)}`;
    call.fail(new RpcError("UNIMPLEMENTED", text, { executed: "no" }));
  }

  cancel(call: OutgoingCall): void {
    if (this.#waiting.delete(call) || this.#take(call) === undefined) return;
    this.#next();
  }

  #take(call: OutgoingCall): Flight | undefined {
    const flight = this.#flights.get(call);
    flight?.expected.end();
    this.#flights.delete(call);
    return flight;
  }

  each(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#flights.keys()]) visit(call);
  }

  eachWaiting(visit: (call: OutgoingCall) => void): void {
    for (const call of [...this.#waiting]) visit(call);
  }

  /** For calls from now on: each carries them. */
  authenticate(credentials: string): void {
    this.#credentials = credentials;
  }

  /** Those that wait for a place, or to hear of their endpoint, go as far as they can. */
  #next(): void {
    for (const call of this.#waiting) {
      if (this.#flights.size >= this.#maxCalls || this.state !== "open") break;
      if (this.#census.running && this.#known.find(call.endpoint.name) === undefined) continue;
      this.#waiting.delete(call);
      this.#send(call);
    }
    if (this.state === "draining" && this.pending === 0) this.#die(unavailable("drained"));
  }

  // ---- answers

  #answer(call: OutgoingCall, { bytes, headers, nobody }: NatsMessage): void {
    const flight = this.#flights.get(call);
    if (flight === undefined) return;
    flight.unanswered--;
    const error = nobody ? this.#nobody(flight) : readError(headers, bytes);
    const refused = error?.executed === "no";
    if (refused && error.retry === "elsewhere" && this.#again(flight)) return;
    this.#take(call);
    if (error === undefined) finish(call, bytes);
    // Who refused it speaks for himself, and not for whoever had it before.
    else call.fail(refused && flight.unanswered > 0 ? withExecuted(error, "maybe") : error);
    if (this.#waiting.size > 0 || this.state === "draining") this.#next();
  }

  /** The server says that the endpoint has no subscriber. */
  #nobody({ endpoint }: Flight): RpcError {
    if (this.#o.runtime.clock.fresh() - this.#census.askedAt > ASKED_JUST_NOW_MS) this.#census.ask();
    return nobodyServes(`${endpoint.subject} at ${this.#link.port.name}`, this.#link, "no");
  }

  /** Published once more: somebody else of its group may have it. False: not any more. */
  #again(flight: Flight): boolean {
    const now = this.#o.runtime.clock.monotonic();
    if (!mayBeSentAgain(flight) || flight.call.expiresAt <= now || !this.#link.port.connected) return false;
    try {
      publish(flight, this.#link, this.#credentials, now);
      return true;
    } catch {
      return false;
    }
  }

  // ---- time

  #look(): void {
    const now = this.#o.runtime.clock.fresh();
    for (const { call } of [...this.#flights.values()]) {
      if (call.expiresAt > now) continue;
      this.#take(call);
      call.fail(tooLate("maybe"));
    }
    for (const call of this.#waiting) {
      if (call.expiresAt > now) continue;
      this.#waiting.delete(call);
      call.fail(tooLate("no"));
    }
    this.#next();
    this.#rescue(this.#goneAt, now);
    this.#askWhoIsThere(now);
    this.#ticker.arm();
  }

  /** While calls are quiet for long: whoever had them may be gone, which nobody would say. */
  #askWhoIsThere(now: number): void {
    const { quietMs } = this.#o.liveness;
    if (this.state === "closed") return;
    if (now - this.#census.askedAt >= RECOUNT_MS) this.#census.ask();
    for (const { sentAt } of this.#flights.values())
      if (now - sentAt >= quietMs) return this.#rollCall.begin(now);
    this.#rollCall.rest();
  }

  #counted(nobody: boolean): void {
    if (this.state === "closed") return;
    if (nobody)
      return this.#die(nobodyServes(this.#where, this.#link, this.state === "opening" ? "no" : "maybe"));
    this.#known.counted();
    this.#next();
  }

  #gone(): void {
    this.#goneAt = this.#o.runtime.clock.fresh();
    // Perhaps others have come.
    if (this.#rollCall.empty) this.#census.ask();
    else this.#rescue(this.#goneAt, this.#goneAt);
  }

  #silent(askedAt: number, all: boolean): void {
    if (all && !this.#suspected) {
      this.#suspected = true;
      this.#o.events.suspect(true);
    }
    this.#rescue(askedAt, this.#o.runtime.clock.fresh());
  }

  /**
   * Somebody was gone, or silent, at `lostAt`, who may have what was sent before. What has been quiet for long, and may be executed twice, is sent again; the
   * rest may still be answered.
   */
  #rescue(lostAt: number, now: number): void {
    const { quietMs } = this.#o.liveness;
    if (lostAt === Number.NEGATIVE_INFINITY) return;
    for (const flight of [...this.#flights.values()])
      if (flight.sentAt < lostAt && now - flight.sentAt >= quietMs && mayRunTwice(flight))
        this.#again(flight);
  }

  // ---- the end

  drain(): void {
    if (this.state === "opening") return this.close();
    if (this.state !== "open") return;
    this.state = "draining";
    this.#o.events.draining();
    this.#giveBack(unavailable("the client leaves the service", "no", "elsewhere"));
    if (this.pending === 0) this.#o.runtime.defer(() => this.#next());
  }

  close(): void {
    this.#die(new RpcError("CANCELLED", "the client was closed", { executed: "maybe" }));
  }

  #lost(why: string): void {
    this.#die(away(`lost the connection to ${this.#link.port.name}: ${why}`, "maybe"));
  }

  #giveBack(error: RpcError): void {
    for (const call of [...this.#waiting]) {
      this.#waiting.delete(call);
      call.fail(error);
    }
  }

  #die(error: RpcError): void {
    if (this.state === "closed") return;
    this.state = "closed";
    this.#ended = error;
    this.#opening?.cancel();
    this.#ticker.stop();
    this.#census.end();
    this.#rollCall.end();
    this.#release();
    for (const call of [...this.#flights.keys()]) {
      this.#take(call);
      call.fail(error);
    }
    this.#giveBack(withExecuted(error, "no"));
    // Never before its constructor has returned.
    this.#o.runtime.defer(() => this.#o.events.closed(error));
  }
}
