import type { Codec } from "../codec.ts";
import { CodecError } from "../codec.ts";
import type { CallContext } from "../context.ts";
import { mapItems, validateOutput } from "../definition/validate.ts";
import { type Code, RpcError } from "../errors/rpc-error.ts";
import { copyBytes } from "../protocol/copy.ts";
import * as wire from "../protocol/frame.ts";
import { payloadStart } from "../protocol/metadata.ts";
import type { ContextStore, Logger, Runtime } from "../runtime.ts";
import type { SessionLimits } from "../session/client-session-types.ts";
import { InStream } from "../session/in-stream.ts";
import { ItemPump } from "../session/item-pump.ts";
import { ItemQueue } from "../session/item-queue.ts";
import { slotOf } from "../session/slot-table.ts";
import { AdmissionQueue, type JobSink } from "./admission-queue.ts";
import { DeadlineWatch } from "./deadline-watch.ts";
import { enter, enterCall } from "./enter-call.ts";
import type { QueueOptions } from "./queue-options.ts";
import { type Call, isThenable, type ServedEndpoint } from "./served-service.ts";
import { type CallHost, ServerCall } from "./server-call.ts";
import type { ServerSession } from "./server-session.ts";

export interface DispatcherOptions {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly limits: SessionLimits;
  readonly queue: QueueOptions;
  readonly contextStore: ContextStore<CallContext> | undefined;
  /** No call runs any more. */
  readonly onIdle: () => void;
}

/** A connection that took nothing for so long while too much waits for it is given up. */
const STALLED_MS = 10_000;

const OVERLOADED = { message: "the server is overloaded" };

/** The server's road: frame, admission, context, interceptors, validation, handler, answer. */
export class Dispatcher implements CallHost {
  readonly logger: Logger;
  readonly queue: AdmissionQueue<Call>;
  /** Calls whose handlers have not ended. */
  running = 0;
  readonly #o: DispatcherOptions;
  readonly #deadlines: DeadlineWatch;
  readonly #drainWatchers = new Set<() => void>();

  constructor(options: DispatcherOptions) {
    this.#o = options;
    this.logger = options.logger;
    const sink: JobSink<Call> = {
      run: (call) => this.#run(call),
      shed: (call, againMs) => this.#shed(call, againMs),
    };
    this.queue = new AdmissionQueue(options.runtime, sink, options.queue);
    this.#deadlines = new DeadlineWatch(options.runtime.clock);
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
    const { limits, runtime } = this.#o;
    const served = session.served as NonNullable<ServerSession["served"]>;
    if (served.draining) return refuse(session, f, "UNAVAILABLE", "the instance is draining", "elsewhere");
    const endpoint = served.endpoints[f.method];
    if (endpoint === undefined)
      return refuse(session, f, "UNIMPLEMENTED", `${served.definition.name} has no method ${f.method}`);
    if (((f.flags & wire.END) === 0) !== endpoint.takesStream)
      return refuse(
        session,
        f,
        "INVALID_ARGUMENT",
        `${endpoint.name} takes ${endpoint.takesStream ? "a stream" : "one input"}`,
      );
    const slot = slotOf(f.stream);
    if (slot >= limits.maxCalls || session.running >= limits.maxCalls)
      return refuse(
        session,
        f,
        "RESOURCE_EXHAUSTED",
        `more than ${limits.maxCalls} calls in flight on a connection`,
        "elsewhere",
      );
    if (session.calls[slot] !== undefined) throw new wire.ProtocolError(`stream ${f.stream} is in use`);
    const timeLeft = wire.decodeTimeLeft(f.last);
    const again = this.queue.refusal(endpoint.rank, timeLeft);
    if (again !== undefined) return refuse(session, f, "RESOURCE_EXHAUSTED", OVERLOADED.message, again);
    const start = payloadStart(f);
    if (f.end - start > limits.maxMessageBytes)
      return refuse(
        session,
        f,
        "RESOURCE_EXHAUSTED",
        `the input has ${f.end - start} bytes: at most ${limits.maxMessageBytes}`,
      );
    const call = new ServerCall(
      this,
      session,
      endpoint,
      f.stream,
      runtime.clock.monotonic(),
      timeLeft,
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
    session.calls[slot] = call;
    session.running++;
    this.running++;
    this.queue.push(call);
  }

  /** All frames that came together were taken. */
  chunkEnd(): void {
    this.queue.schedule();
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
      this.#answerError(call, "DEADLINE_EXCEEDED", "no", {
        message: "the time was up before the call was started",
      });
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
    if (!call.over) sessionOf(call).error(call.id, "RESOURCE_EXHAUSTED", "no", againMs, OVERLOADED);
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
    if (call.over) return this.#release(call);
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
    if (call.over) return this.#release(call);
    try {
      sessionOf(call).result(call, value, microsOf(this.queue.waitMs));
    } catch (error) {
      return this.#failed(call, error);
    }
    call.endpoint.stats.finished(this.monotonic() - call.arrivedAt, false);
    this.#release(call);
  }

  #stream(call: Call, value: unknown): void {
    if (call.over) {
      void abandon(value);
      return this.#release(call);
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
    call.endpoint.stats.finished(this.monotonic() - call.arrivedAt, true);
    if (!call.over) {
      const executed = call.started ? "yes" : "no";
      const { code, payload } = this.#describe(call, error);
      this.#answerError(call, code, executed, payload);
    }
    this.#release(call);
  }

  /** What of an error is sent: an RpcError's own words; of anything else an id, under which the log has the rest. */
  #describe(call: Call, error: unknown): { code: Code; payload: object } {
    if (RpcError.is(error) && error.code !== "INTERNAL") {
      const { message, type, details } = error;
      return {
        code: error.code,
        payload: { message, ...(type !== undefined && { type }), ...(details !== undefined && { details }) },
      };
    }
    const id = this.#o.runtime.uniqueId();
    this.logger.error(
      { id, service: call.service, method: call.method, peer: call.peer, err: error },
      "a call failed unexpectedly",
    );
    const message = RpcError.is(error) ? error.message : "internal error";
    return { code: "INTERNAL", payload: { message: `${message} (see the server's log, id ${id})`, id } };
  }

  #answerError(
    call: Call,
    code: Code,
    executed: "no" | "maybe" | "yes",
    payload: object,
    elsewhere = false,
  ): void {
    sessionOf(call).error(call.id, code, executed, elsewhere ? "elsewhere" : "none", payload);
  }

  /** Ends a call for its caller; the handler is told, and counts until it ends. */
  cancel(session: ServerSession, call: Call, reason: unknown): void {
    if (call.over) return;
    call.over = true;
    session.calls[slotOf(call.id)] = undefined;
    call.inStream?.items.fail(reason);
    call.abort(reason);
    if (call.pump !== undefined) void call.pump.stop().then(() => this.#release(call));
  }

  /** The drain's time is up: callers are told, handlers aborted. */
  expel(session: ServerSession): void {
    for (const call of session.calls) {
      if (call === undefined || call.over) continue;
      const executed = call.started ? "maybe" : "no";
      this.#answerError(
        call,
        "UNAVAILABLE",
        executed,
        { message: "the instance is shutting down" },
        !call.started,
      );
      this.cancel(session, call, new Error("the instance is shutting down"));
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
    if (--this.running === 0) this.#o.onIdle();
  }

  close(): void {
    this.#deadlines.close();
  }
}

function nothing(): void {}

function microsOf(ms: number): number {
  return Math.min(0xffff_ffff, Math.round(ms * 1000));
}

function sessionOf(call: ServerCall): ServerSession {
  return call.owner as ServerSession;
}

/** What a handler returned too late for anybody to read it; what its clean-up throws has nobody to go to. */
async function abandon(value: unknown): Promise<void> {
  try {
    await (value as Partial<AsyncIterator<unknown>> | undefined)?.return?.();
  } catch {}
}

function startPump(pump: ItemPump): void {
  pump.start();
}

function refuse(
  session: ServerSession,
  f: wire.Frame,
  code: Code,
  message: string,
  retry: "none" | "elsewhere" | number = "none",
): void {
  session.error(f.stream, code, "no", retry, { message });
}
