import type { Codec } from "../codec.ts";
import { CodecError } from "../codec.ts";
import type { CallContext } from "../context.ts";
import { mapItems, validateOutput } from "../definition/validate.ts";
import { copyBytes } from "../protocol/copy.ts";
import * as wire from "../protocol/frame.ts";
import { payloadStart } from "../protocol/metadata.ts";
import type { ContextStore, Logger, Runtime } from "../runtime.ts";
import { InStream } from "../session/in-stream.ts";
import { ItemPump } from "../session/item-pump.ts";
import { ItemQueue } from "../session/item-queue.ts";
import { slotOf } from "../session/slot-table.ts";
import { abandon } from "./abandon.ts";
import { Admission, beyondLimits, refuse } from "./admission.ts";
import { AdmissionQueue, type JobSink } from "./admission-queue.ts";
import { DeadlineWatch } from "./deadline-watch.ts";
import { describeFailure } from "./describe-failure.ts";
import { enter, enterCall } from "./enter-call.ts";
import { guardHeap, type HeapGuard } from "./heap-guard.ts";
import { LoopDelay } from "./loop-delay.ts";
import { MethodGate } from "./method-gate.ts";
import type { QueueOptions } from "./queue-options.ts";
import { type Call, isThenable, type ServedEndpoint, type ServedService } from "./served-service.ts";
import { type CallHost, ServerCall } from "./server-call.ts";
import type { ServerLimits } from "./server-limits.ts";
import type { ServerSession } from "./server-session.ts";

export interface DispatcherOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly limits: ServerLimits;
  readonly queue: QueueOptions;
  readonly contextStore: ContextStore<CallContext> | undefined;
  /** No call runs any more. */
  readonly onIdle: () => void;
}

/** A connection that took nothing for so long while too much waits for it is given up. */
const STALLED_MS = 10_000;

/** The server's road: frame, admission, context, interceptors, validation, handler, answer. */
export class Dispatcher implements CallHost {
  readonly logger: Logger;
  readonly queue: AdmissionQueue<Call>;
  /** Calls whose handlers have not ended. */
  running = 0;
  readonly #o: DispatcherOptions;
  readonly #admission: Admission;
  readonly #heap: HeapGuard | undefined;
  readonly #sink: JobSink<Call> = {
    run: (call) => this.#run(call),
    shed: (call, againMs) => this.#shed(call, againMs),
  };
  readonly #loopDelay: LoopDelay;
  readonly #deadlines: DeadlineWatch;
  readonly #drainWatchers = new Set<() => void>();

  constructor(options: DispatcherOptions) {
    this.#o = options;
    this.logger = options.logger;
    this.queue = new AdmissionQueue(options.runtime, this.#sink, options.queue);
    this.#heap = guardHeap(options.runtime, options.queue.heapLimit, options.logger);
    this.#admission = new Admission(options.limits, options.runtime.clock, this.queue, this.#heap);
    this.#loopDelay = new LoopDelay(options.runtime.clock);
    this.#deadlines = new DeadlineWatch(options.runtime.clock);
  }

  /** Calls are refused that would be taken otherwise. */
  get overloaded(): boolean {
    return this.queue.overloaded || this.#heap?.full === true;
  }

  /** Methods with limits get what holds them to those. */
  limit(service: ServedService): void {
    for (const endpoint of service.endpoints) {
      const { limits } = endpoint.definition;
      if (limits !== undefined)
        endpoint.gate = new MethodGate(limits, this.#o.queue, this.#sink, this.monotonic());
    }
  }

  monotonic(): number {
    return this.#o.runtime.clock.monotonic();
  }
  watchDeadline(call: ServerCall): void {
    this.#deadlines.add(call);
  }
  isDraining(call: ServerCall): boolean {
    return sessionOf(call).served?.draining ?? true;
  }
  watchDrain(callback: () => void): () => void {
    this.#drainWatchers.add(callback);
    return () => void this.#drainWatchers.delete(callback);
  }
  /** Tells long streams. */
  drainStarted(): void {
    for (const callback of [...this.#drainWatchers]) {
      try {
        callback();
      } catch (error) {
        this.logger.error({ err: error }, "an onDraining callback threw");
      }
    }
  }

  // ---- in

  /** Refuses before decoding; what is admitted is decoded here, as the bytes do not outlive the frame. */
  accept(session: ServerSession, f: wire.Frame): void {
    const endpoint = this.#admission.endpointOf(session, f);
    if (endpoint === undefined) return;
    const start = payloadStart(f);
    const now = this.monotonic();
    const call = new ServerCall(
      this,
      session,
      endpoint,
      f.stream,
      now,
      wire.decodeTimeLeft(f.last),
      f.flags,
      start === f.start ? undefined : copyBytes(f.bytes, f.start, start),
    );
    if (endpoint.takesStream) this.#openInput(session, call);
    else if (start !== f.end) {
      try {
        call.input = (session.codec as Codec).decode(f.bytes, start, f.end);
      } catch (error) {
        const text = error instanceof CodecError ? error.message : "unreadable";
        return refuse(session, f, "INVALID_ARGUMENT", `the input could not be decoded: ${text}`);
      }
    }
    session.calls[slotOf(f.stream)] = call;
    session.running++;
    this.running++;
    if (endpoint.gate === undefined || endpoint.gate.enter(call, now)) this.queue.push(call);
  }

  /** All frames that came together were taken. */
  chunkEnd(): void {
    if (this.queue.depth > 0) this.#loopDelay.use();
    if (this.#heap !== undefined) this.#heap.look(this.monotonic());
    if (this.#loopDelay.catchingUp(this.monotonic())) this.queue.scheduleAfterIo();
    else this.queue.schedule();
  }

  #openInput(session: ServerSession, call: Call): void {
    const items = new ItemQueue();
    call.inStream = new InStream(items, this.#o.limits.streamWindowBytes, {
      credit: (bytes) => {
        if (!call.over) session.writer.bare(wire.CREDIT, 0, call.id, 0, bytes);
      },
      abandoned: nothing,
    });
    call.input = items;
  }

  // ---- run

  #run(call: Call): void {
    const { clock } = this.#o.runtime;
    if (call.over) return this.#release(call);
    if (call.expiresAt <= clock.monotonic()) {
      const message = "the time was up before the call was started";
      sessionOf(call).error(call.id, "DEADLINE_EXCEEDED", "no", "none", { message });
      return this.#release(call);
    }
    if (this.#parked(call)) return;
    const { endpoint } = call;
    endpoint.stats.started++;
    let result: unknown;
    let later: boolean;
    try {
      result = this.#enter(call, endpoint);
      later = isThenable(result);
    } catch (error) {
      return this.#failed(call, error);
    }
    if (later)
      (result as PromiseLike<unknown>).then(
        (value) => (endpoint.givesStream ? this.#stream(call, value) : this.#finished(call, value)),
        (error) => this.#failed(call, error),
      );
    else if (endpoint.givesStream) this.#stream(call, result);
    else this.#finished(call, result);
  }

  #shed(call: Call, againMs: number): void {
    if (!call.over) {
      const session = sessionOf(call);
      if (call.endpoint.gate?.holds(call) === true)
        session.error(call.id, "RESOURCE_EXHAUSTED", "no", againMs, { message: beyondLimits(call.endpoint) });
      else session.overloaded(call.id, againMs);
    }
    this.#release(call);
  }

  /** A peer that does not read gets no new answers made for it: its calls wait until it has read. */
  #parked(call: Call): boolean {
    const { writer, connection } = sessionOf(call);
    if (!writer.congested || connection.bufferedBytes <= this.#o.limits.maxUnsentBytes) return false;
    const stalled = this.#o.runtime.clock.setTimer(STALLED_MS, () => {
      this.logger.warn(
        { peer: connection.remote, bytes: connection.bufferedBytes },
        "a peer does not read: closed",
      );
      connection.destroy(new Error("slow consumer"));
      this.#run(call);
    });
    connection.whenWritable(() => {
      stalled.cancel();
      writer.congested = false;
      call.queuedAt = this.monotonic();
      this.queue.push(call);
      this.queue.schedule();
    });
    return true;
  }

  #enter(call: Call, endpoint: ServedEndpoint): unknown {
    const store = this.#o.contextStore;
    return store === undefined ? enter(call, endpoint) : store.run(call.context, enterCall, call);
  }

  #finished(call: Call, value: unknown): void {
    if (call.over) return this.#cancelled(call);
    const { definition } = call.endpoint;
    if (definition.output === undefined) return this.#answer(call, value);
    let checked: unknown;
    try {
      checked = validateOutput(definition, value);
    } catch (error) {
      return this.#failed(call, error);
    }
    if (isThenable(checked))
      checked.then(
        (output) => this.#answer(call, output),
        (error) => this.#failed(call, error),
      );
    else this.#answer(call, checked);
  }

  #answer(call: Call, value: unknown): void {
    if (call.over) return this.#cancelled(call);
    if (call.late) return this.#failed(call, undefined);
    try {
      sessionOf(call).result(call, value, this.#loadMicros(call.endpoint));
    } catch (error) {
      return this.#failed(call, error);
    }
    call.endpoint.stats.finished(this.monotonic() - call.arrivedAt, false);
    this.#release(call);
  }

  /** For the trailer: how long another call of this method would wait now, as far as anybody knows. */
  #loadMicros({ gate }: ServedEndpoint): number {
    const ms =
      this.queue.waitMs + this.#loopDelay.ms + (gate === undefined ? 0 : gate.waitMs(this.monotonic()));
    return Math.min(0xffff_ffff, Math.round(ms * 1000));
  }

  #stream(call: Call, value: unknown): void {
    if (call.over) {
      void abandon(value);
      return this.#cancelled(call);
    }
    let pump: ItemPump;
    try {
      pump = this.#pump(call, value);
    } catch (error) {
      return this.#failed(call, error);
    }
    call.pump = pump;
    // Each item is asked for within the call's context, so that a generator sees it as well.
    const store = this.#o.contextStore;
    if (store === undefined) pump.start();
    else store.run(call.context, startPump, pump);
  }

  /** Throws when the handler returned no iterable, or one that does not let itself be opened. */
  #pump(call: Call, value: unknown): ItemPump {
    const { definition, name } = call.endpoint;
    const iterable = value as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
    if (
      typeof iterable?.[Symbol.asyncIterator] !== "function" &&
      typeof iterable?.[Symbol.iterator] !== "function"
    )
      throw new TypeError(`${name} is a ${call.kind} and returned no iterable`);
    const source = iterable as AsyncIterable<unknown>;
    const session = sessionOf(call);
    const pump: ItemPump = new ItemPump(
      this.#o.runtime,
      definition.output === undefined ? source : mapItems(source, (item) => validateOutput(definition, item)),
      session.sendWindow,
      {
        send: (items) => session.items(call, items),
        blocked: () => {
          if (!session.writer.congested) return false;
          session.connection.whenWritable(() => {
            session.writer.congested = false;
            pump.resume();
          });
          return true;
        },
        taken: nothing,
        ended: () => this.#answer(call, undefined),
        failed: (error) => this.#failed(call, error),
      },
    );
    return pump;
  }

  // ---- out

  #failed(call: Call, error: unknown): void {
    if (call.over) return this.#cancelled(call);
    call.endpoint.stats.finished(this.monotonic() - call.arrivedAt, true);
    const { code, executed, payload } = describeFailure(call, error, this.#o.runtime, this.logger);
    sessionOf(call).error(call.id, code, executed, "none", payload);
    this.#release(call);
  }

  /** Its handler has ended, and nobody waits for it any more. */
  #cancelled(call: Call): void {
    if (!call.released) call.endpoint.stats.cancelled++;
    this.#release(call);
  }

  /** Ends a call for its caller; the handler is told, and counts until it ends. */
  cancel(session: ServerSession, call: Call, reason: unknown): void {
    if (call.over) return;
    call.over = true;
    session.calls[slotOf(call.id)] = undefined;
    call.inStream?.items.fail(reason);
    call.abort(reason);
    // It waits for a slot: nobody has to know of it any more.
    if (call.endpoint.gate?.holds(call) === true) return this.#release(call);
    if (call.pump !== undefined) void call.pump.stop().then(() => this.#cancelled(call));
  }

  /** The drain's time is up: callers are told, handlers aborted. */
  expel(session: ServerSession): void {
    for (const call of session.calls) {
      if (call === undefined || call.over) continue;
      const message = "the instance is shutting down";
      if (call.started) session.error(call.id, "UNAVAILABLE", "maybe", "none", { message });
      else session.error(call.id, "UNAVAILABLE", "no", "elsewhere", { message });
      this.cancel(session, call, new Error(message));
    }
  }

  #release(call: Call): void {
    if (call.released) return;
    call.released = true;
    const session = sessionOf(call);
    const slot = slotOf(call.id);
    if (session.calls[slot] === call) session.calls[slot] = undefined;
    call.over = true;
    if (call.watched) this.#deadlines.delete(call);
    call.release();
    call.inStream?.items.end();
    session.running--;
    if (call.endpoint.gate !== undefined) this.#freeSlot(call, call.endpoint.gate);
    if (--this.running === 0) this.#o.onIdle();
  }

  #freeSlot(call: Call, gate: MethodGate<Call>): void {
    const now = this.monotonic();
    const next = gate.leave(call, now);
    if (next === undefined) return;
    next.queuedAt = now;
    this.queue.push(next);
    this.queue.scheduleAfterIo();
  }

  /** The last connection has gone. */
  rest(): void {
    this.#loopDelay.rest();
  }

  close(): void {
    this.#deadlines.close();
    this.rest();
  }
}

function nothing(): void {}

function sessionOf(call: ServerCall): ServerSession {
  return call.owner as ServerSession;
}

function startPump(pump: ItemPump): void {
  pump.start();
}
