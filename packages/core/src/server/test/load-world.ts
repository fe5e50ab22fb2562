import type { Endpoint, Priority } from "../../endpoint.ts";
import * as wire from "../../protocol/frame.ts";
import { Frame } from "../../protocol/frame.ts";
import { type Runtime, silentLogger, type Timer } from "../../runtime.ts";
import { define } from "../../session/test/session-pair.ts";
import { createFakeRuntime } from "../../testing/fake-clock.ts";
import { plainJsonCodec } from "../../testing/json-codec.ts";
import { Dispatcher } from "../dispatcher.ts";
import { type QueueOptions, resolveQueue } from "../queue-options.ts";
import { type Call, serveDefinition } from "../served-service.ts";
import { resolveServerLimits } from "../server-limits.ts";
import type { ServerSession } from "../server-session.ts";

/** A server's work: what a call costs, and where it spends it. */
export interface Work {
  /** Of the processor, ms. */
  readonly cpuMs: number;
  /** Waiting for something else, ms; 0: for a promise job of its own. */
  readonly waitMs?: number;
  readonly limits?: Endpoint["limits"];
}

/** How a call ended; times in ms from the moment it was sent. */
export interface Ended {
  readonly method: string;
  /** The caller. */
  readonly from: number;
  readonly sentAt: number;
  readonly tookMs: number;
  readonly ok: boolean;
  readonly loadMicros: number;
}

export interface SendOptions {
  /** @default 5000 */
  readonly timeLeftMs?: number;
  /** The caller, who has a connection of its own. @default 0 */
  readonly from?: number;
  /** It was read from its socket. */
  readonly onSent?: () => void;
  /** Its answer is there. */
  readonly onEnd?: (() => void) | undefined;
}

interface Sent {
  readonly method: string;
  readonly from: number;
  readonly sentAt: number;
  readonly onEnd: (() => void) | undefined;
}

interface Due {
  readonly at: number;
  /** Whose connection it comes over. */
  readonly from: number;
  readonly fire: () => void;
}

/** What is due, in order of time; nearly all comes last, so that it is looked for from the end. */
class Agenda {
  #due: Due[] = [];
  #first = 0;

  add(due: Due): void {
    let i = this.#due.length;
    while (i > this.#first && (this.#due[i - 1] as Due).at > due.at) i--;
    this.#due.splice(i, 0, due);
  }
  remove(due: Due): void {
    const i = this.#due.indexOf(due, this.#first);
    if (i >= 0) this.#due.splice(i, 1);
  }
  get next(): number {
    return this.#due[this.#first]?.at ?? Number.POSITIVE_INFINITY;
  }
  run(until: number): void {
    while (this.next <= until) this.#shift().fire();
  }
  /** One connection after the other: of each all that came, first the one that has waited longest. */
  read(until: number): void {
    while (this.next <= until) {
      const first = this.#shift();
      if (this.next > until) first.fire();
      else this.#readChunks(first, until);
    }
  }
  #readChunks(first: Due, until: number): void {
    const chunks = new Map<number, Due[]>([[first.from, [first]]]);
    while (this.next <= until) {
      const due = this.#shift();
      const chunk = chunks.get(due.from);
      if (chunk === undefined) chunks.set(due.from, [due]);
      else chunk.push(due);
    }
    for (const chunk of chunks.values()) for (const { fire } of chunk) fire();
  }
  #shift(): Due {
    const due = this.#due[this.#first++] as Due;
    if (this.#first > 1000) {
      this.#due = this.#due.slice(this.#first);
      this.#first = 0;
    }
    return due;
  }
}

/**
 * One server and its event loop on a virtual clock: timers, then what came over the network, then what was deferred, then immediates. Nothing
 * happens while a handler has the processor; what is sent meanwhile waits in the socket, and answers leave when the turn ends. Calls go through
 * the real dispatcher; only the session, which would turn frames into bytes, is left out.
 */
export class LoadWorld {
  now = 0;
  readonly dispatcher: Dispatcher;
  readonly runtime: Runtime;
  readonly ended: Ended[] = [];
  /** Handlers that were entered. */
  executed = 0;
  readonly #timers = new Agenda();
  readonly #network = new Agenda();
  readonly #served: unknown;
  /** By caller. */
  readonly #sessions: ServerSession[] = [];
  readonly #frame = new Frame();
  readonly #methods: readonly string[];
  /** What reading a call costs, admitted or not, ms. */
  readonly #readMs: number;
  /** By slot. */
  readonly #sent: (Sent | undefined)[] = [];
  #deferred: (() => void)[] = [];
  #immediates: (() => void)[] = [];
  #answers: (() => void)[] = [];
  #freeSlots: number[] = [];
  #slots = 0;
  #arrived = false;

  constructor(
    work: Readonly<Record<string, Work & { readonly priority?: Priority }>>,
    options: Partial<QueueOptions> = {},
    more: Partial<Runtime> = {},
    readMs = 0,
  ) {
    this.#readMs = readMs;
    const setTimer = (ms: number, fire: () => void): Timer => {
      const due = { at: this.now + Math.max(0, ms), from: 0, fire };
      this.#timers.add(due);
      return { cancel: () => this.#timers.remove(due) };
    };
    const time = (): number => this.now;
    this.runtime = {
      ...createFakeRuntime(),
      clock: { now: time, monotonic: time, fresh: time, setTimer },
      defer: (fn) => this.#deferred.push(fn),
      yieldToIo: (fn) => this.#immediates.push(fn),
      ...more,
    };
    this.dispatcher = new Dispatcher({
      runtime: this.runtime,
      logger: silentLogger,
      limits: resolveServerLimits({ maxCalls: 1e6 }),
      queue: resolveQueue(options),
      contextStore: undefined,
      onIdle: () => {},
    });
    this.#methods = Object.keys(work);
    const endpoints = Object.entries(work).map(([name, { priority = "normal", limits, ...cost }]) => [
      name,
      { priority, limits, handler: () => this.#work(cost) },
    ]);
    const served = serveDefinition(define("load", Object.fromEntries(endpoints)), "one", []);
    this.dispatcher.limit(served);
    this.#served = served;
  }

  #session(from: number): ServerSession {
    this.#sessions[from] ??= this.#bareSession();
    return this.#sessions[from] as ServerSession;
  }

  #bareSession(): ServerSession {
    const session = {
      served: this.#served,
      running: 0,
      claims: 0,
      claimsAt: 0,
      calls: [],
      codec: plainJsonCodec,
      writer: { congested: false },
      connection: { bufferedBytes: 0 },
      result: (call: Call, _value: unknown, load: number) => this.#answer(call.id, true, load),
      error: (stream: number) => this.#answer(stream, false, 0),
      overloaded: (stream: number) => this.#answer(stream, false, 0),
    };
    return session as unknown as ServerSession;
  }

  #work({ cpuMs, waitMs }: Work): unknown {
    this.executed++;
    this.now += cpuMs;
    if (waitMs === undefined) return undefined;
    const { clock, defer } = this.runtime;
    return {
      // biome-ignore lint/suspicious/noThenProperty: settled by the virtual clock, in no promise job
      then(done: (value: unknown) => void) {
        if (waitMs === 0) defer(() => done(undefined));
        else clock.setTimer(waitMs, () => done(undefined));
      },
    };
  }

  /** Sends a call at a time to come. */
  send(at: number, method: string, options: SendOptions = {}): void {
    this.#network.add({
      at,
      from: options.from ?? 0,
      fire: () => {
        this.#arrive(at, method, options);
        options.onSent?.();
      },
    });
  }

  /** Other code has the processor. */
  block(ms: number): void {
    this.#timers.add({
      at: this.now,
      from: 0,
      fire: () => {
        this.now += ms;
      },
    });
  }

  #arrive(sentAt: number, method: string, { timeLeftMs = 5000, from = 0, onEnd }: SendOptions): void {
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    const f = this.#frame;
    f.type = wire.CALL;
    f.flags = wire.END;
    f.method = this.#methods.indexOf(method);
    f.stream = slot;
    f.last = timeLeftMs;
    this.#sent[slot] = { method, from, sentAt, onEnd };
    this.#arrived = true;
    this.now += this.#readMs;
    this.dispatcher.accept(this.#session(from), f);
  }

  #answer(stream: number, ok: boolean, loadMicros: number): void {
    this.#answers.push(() => {
      const call = this.#sent[stream];
      if (call === undefined) throw new Error(`slot ${stream} was answered twice`);
      this.#sent[stream] = undefined;
      const { method, from, sentAt, onEnd } = call;
      this.#freeSlots.push(stream);
      this.ended.push({ method, from, sentAt, tookMs: this.now - sentAt, ok, loadMicros });
      onEnd?.();
    });
  }

  /** Turns of the event loop until then. */
  run(until: number): void {
    while (this.now < until) {
      this.#timers.run(this.now);
      this.#tick();
      this.#network.read(this.now);
      if (this.#arrived) this.dispatcher.chunkEnd();
      this.#arrived = false;
      this.#tick();
      const immediates = this.#immediates;
      this.#immediates = [];
      for (const fn of immediates) {
        fn();
        this.#tick();
      }
      if (this.#immediates.length === 0)
        this.now = Math.max(this.now, Math.min(until, this.#timers.next, this.#network.next));
    }
  }

  #tick(): void {
    while (this.#deferred.length > 0) {
      const deferred = this.#deferred;
      this.#deferred = [];
      for (const fn of deferred) fn();
    }
    const answers = this.#answers;
    this.#answers = [];
    for (const answer of answers) answer();
  }
}
