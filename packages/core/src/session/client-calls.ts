import type { Codec } from "../codec.ts";
import { RpcError } from "../errors/rpc-error.ts";
import * as wire from "../protocol/frame.ts";
import type { FrameWriter } from "../protocol/frame-writer.ts";
import { encodeMetadata, payloadStart } from "../protocol/metadata.ts";
import type { Runtime } from "../runtime.ts";
import { readError } from "./call-error.ts";
import { CallQueue } from "./call-queue.ts";
import type { ClientSession, SessionLimits } from "./client-session-types.ts";
import { ClientStreams } from "./client-streams.ts";
import type { OutgoingCall } from "./outgoing-call.ts";
import { tooLate, undecodable, unsendable, withExecuted } from "./session-errors.ts";
import { SlotTable, slotOf } from "./slot-table.ts";

/** The session whose calls they are. */
export interface ClientCallsHost {
  readonly state: ClientSession["state"];
  /** A call is in flight, and none was. */
  busy(now: number): void;
  /** The session is draining, and the last call has gone. */
  drained(): void;
}

export interface ClientCallsOptions {
  readonly runtime: Runtime;
  readonly writer: FrameWriter;
  readonly limits: SessionLimits;
}

/** The calls of a client's session: those that wait for a slot, those in flight, and what the server says of them. */
export class ClientCalls {
  readonly #host: ClientCallsHost;
  readonly #o: ClientCallsOptions;
  readonly #writer: FrameWriter;
  readonly #sent = new SlotTable<OutgoingCall>();
  /** When each was sent, by slot: clock.monotonic() ms. */
  readonly #sentAt: number[] = [];
  readonly #waiting = new CallQueue();
  readonly #streams: ClientStreams;
  #maxCalls = 0;

  constructor(host: ClientCallsHost, options: ClientCallsOptions) {
    this.#host = host;
    this.#o = options;
    this.#writer = options.writer;
    this.#streams = new ClientStreams({
      runtime: options.runtime,
      writer: options.writer,
      windowBytes: options.limits.streamWindowBytes,
      live: (call, id) => this.#sent.get(id) === call,
      cancel: (call) => this.cancel(call),
    });
  }

  /** As HELLO agreed on. */
  open(maxCalls: number, sendWindowBytes: number): void {
    this.#maxCalls = maxCalls;
    this.#streams.sendWindow = sendWindowBytes;
  }

  get pending(): number {
    return this.#sent.size + this.#waiting.size;
  }

  // ---- asked for by the client; the session is open

  start(call: OutgoingCall): void {
    if (this.#sent.size >= this.#maxCalls) this.#waiting.push(call);
    else this.#send(call);
  }

  #send(call: OutgoingCall): void {
    const { endpoint } = call;
    const now = this.#o.runtime.clock.monotonic();
    const timeLeft = call.expiresAt - now;
    if (timeLeft <= 0) {
      call.fail(
        new RpcError("DEADLINE_EXCEEDED", "the time was up before the call was sent", { executed: "no" }),
      );
      return;
    }
    if (this.#writer.congested && this.#writer.connection.bufferedBytes > this.#o.limits.maxUnsentBytes) {
      call.fail(this.#tooMuchUnsent());
      return;
    }
    const id = this.#sent.add(call);
    this.#sentAt[slotOf(id)] = now;
    call.id = id;
    const streaming = endpoint.kind === "client-stream" || endpoint.kind === "bidi-stream";
    const flags = (streaming ? 0 : wire.END) | (call.attempt > 0 ? wire.RETRY : 0);
    const left = wire.encodeTimeLeft(timeLeft);
    try {
      const metadata = call.metadata === undefined ? undefined : encodeMetadata(call.metadata);
      this.#writer.value(
        wire.CALL,
        flags,
        id,
        endpoint.id,
        left,
        streaming ? undefined : call.input,
        metadata,
      );
    } catch (error) {
      this.#sent.take(id);
      call.fail(unsendable(error));
      return;
    }
    if (this.#sent.size === 1) this.#host.busy(now);
    if (call.items !== undefined || streaming) this.#streams.open(call, id, streaming);
  }

  #tooMuchUnsent(): RpcError {
    return new RpcError(
      "RESOURCE_EXHAUSTED",
      `more than ${this.#o.limits.maxUnsentBytes} bytes wait to be sent to ${this.#writer.connection.remote}`,
      { executed: "no", retry: "elsewhere" },
    );
  }

  cancel(call: OutgoingCall): void {
    if (this.#waiting.remove(call)) return;
    if (call.id === 0 || this.#sent.get(call.id) !== call) return;
    this.#take(call.id);
    if (this.#host.state !== "closed") this.#writer.bare(wire.CANCEL, 0, call.id, 0, 0);
    this.next();
  }

  each(visit: (call: OutgoingCall) => void): void {
    this.#sent.forEach(visit);
  }

  eachWaiting(visit: (call: OutgoingCall) => void): void {
    for (const call of this.#waiting.all()) visit(call);
  }

  /** It is over for the session: its streams go. */
  #take(id: number): OutgoingCall | undefined {
    const call = this.#sent.take(id);
    if (call === undefined) return undefined;
    if (this.#streams.size > 0) this.#streams.close(id);
    return call;
  }

  /** A slot is free, or the last call has gone. */
  next(): void {
    const host = this.#host;
    while (this.#waiting.size > 0 && this.#sent.size < this.#maxCalls && host.state === "open")
      this.#send(this.#waiting.shift() as OutgoingCall);
    if (host.state === "draining" && this.pending === 0) host.drained();
  }

  // ---- frames of the server's

  result(f: wire.Frame): void {
    const call = this.#sent.get(f.stream);
    if (call === undefined) return;
    // Read before the call is taken: what breaks the protocol ends every call that is still there.
    const start = payloadStart(f);
    this.#take(f.stream);
    call.items?.end();
    if (start === f.end) {
      call.finish(undefined, f.last);
    } else {
      let value: unknown;
      try {
        value = (this.#writer.codec as Codec).decode(f.bytes, start, f.end);
      } catch (error) {
        call.fail(undecodable(error));
        return this.next();
      }
      call.finish(value, f.last);
    }
    if (this.#waiting.size > 0 || this.#host.state === "draining") this.next();
  }

  error(f: wire.Frame): void {
    const call = this.#sent.get(f.stream);
    if (call === undefined) return;
    const error = readError(f, this.#writer.codec);
    this.#take(f.stream);
    call.fail(error);
    this.next();
  }

  data(f: wire.Frame): void {
    const call = this.#sent.get(f.stream);
    if (call === undefined) return;
    let value: unknown;
    try {
      value = f.start === f.end ? undefined : (this.#writer.codec as Codec).decode(f.bytes, f.start, f.end);
    } catch (error) {
      this.cancel(call);
      call.fail(undecodable(error));
      return;
    }
    this.#streams.take(call, value, f);
  }

  credit(f: wire.Frame): void {
    this.#streams.addCredit(f.stream, f.last);
  }

  // ---- the end of some, or of all

  /** Ends those whose time is up. Returns when the time of the next in flight is up; undefined: of none. */
  expire(now: number): number | undefined {
    let next: number | undefined;
    this.#sent.forEach((call) => {
      if (call.expiresAt > now) {
        next = Math.min(next ?? call.expiresAt, call.expiresAt);
        return;
      }
      this.#take(call.id);
      this.#writer.bare(wire.CANCEL, 0, call.id, 0, 0);
      call.fail(tooLate("maybe"));
    });
    if (this.#waiting.size > 0) for (const call of this.#waiting.expired(now)) call.fail(tooLate("no"));
    return next;
  }

  /** The server shall execute none of them when it reads on. They are still in flight. */
  sendCancels(): void {
    this.#sent.forEach((call) => void this.#writer.bare(wire.CANCEL, 0, call.id, 0, 0));
  }

  /** Those that were sent later than `undeliveredSince` were executed by nobody. */
  failSent(error: RpcError, undeliveredSince: number): void {
    const undelivered = withExecuted(error, "no");
    this.#sent.forEach((call) => {
      const { id } = call;
      this.#take(id);
      call.fail((this.#sentAt[slotOf(id)] as number) > undeliveredSince ? undelivered : error);
    });
  }

  failWaiting(error: RpcError): void {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) call.fail(error);
  }
}
