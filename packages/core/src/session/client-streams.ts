import { RpcError } from "../errors/rpc-error.ts";
import * as wire from "../protocol/frame.ts";
import type { FrameWriter } from "../protocol/frame-writer.ts";
import type { Runtime } from "../runtime.ts";
import { InStream } from "./in-stream.ts";
import { ItemPump } from "./item-pump.ts";
import type { OutgoingCall } from "./outgoing-call.ts";

export interface ClientStreamsPort {
  readonly runtime: Runtime;
  readonly writer: FrameWriter;
  /** What each stream of outputs may have under way. */
  readonly windowBytes: number;
  /** The call is still this session's, under this id. */
  live(call: OutgoingCall, id: number): boolean;
  cancel(call: OutgoingCall): void;
}

/** The streams of a client's calls: outputs that come in, inputs that go out. Unary calls never touch it. */
export class ClientStreams {
  readonly #port: ClientStreamsPort;
  readonly #incoming = new Map<number, InStream>();
  readonly #outgoing = new Map<number, ItemPump>();
  /** What the server lets us send ahead, bytes; from its HELLO. */
  sendWindow = 0;

  constructor(port: ClientStreamsPort) {
    this.#port = port;
  }

  get size(): number {
    return this.#incoming.size + this.#outgoing.size;
  }

  /** CALL was sent. */
  open(call: OutgoingCall, id: number, sends: boolean): void {
    if (call.items !== undefined) this.#openIncoming(call, id, call.items);
    if (sends) this.#openOutgoing(call, id);
  }

  #openIncoming(call: OutgoingCall, id: number, items: NonNullable<OutgoingCall["items"]>): void {
    const port = this.#port;
    const stream = new InStream(items, port.windowBytes, {
      credit: (bytes) => {
        if (port.live(call, id)) port.writer.bare(wire.CREDIT, 0, id, 0, bytes);
      },
      abandoned: () => {
        port.cancel(call);
        call.abandoned();
      },
    });
    this.#incoming.set(id, stream);
  }

  #openOutgoing(call: OutgoingCall, id: number): void {
    try {
      this.#pump(call, id);
    } catch (cause) {
      this.#port.cancel(call);
      const message = `${call.endpoint.name} takes a stream of items, and its input could not be iterated`;
      call.fail(new RpcError("INVALID_ARGUMENT", message, { executed: "maybe", cause }));
    }
  }

  /** Throws when the input is no iterable, or does not let itself be opened. */
  #pump(call: OutgoingCall, id: number): void {
    const port = this.#port;
    const { writer } = port;
    const pump = new ItemPump(port.runtime, call.input as AsyncIterable<unknown>, this.sendWindow, {
      send: (items) =>
        items.length === 1
          ? writer.value(wire.DATA, 0, id, 0, 0, items[0])
          : writer.value(wire.DATA, wire.BATCH, id, 0, 0, items),
      blocked: () => this.#blocked(pump),
      taken: () => {
        call.inputTaken = true;
      },
      ended: () => {
        this.#outgoing.delete(id);
        if (port.live(call, id)) writer.bare(wire.DATA, wire.END, id, 0, 0);
      },
      failed: (error) => {
        this.#outgoing.delete(id);
        if (!port.live(call, id)) return;
        port.cancel(call);
        call.fail(new RpcError("CANCELLED", "the input stream failed", { executed: "maybe", cause: error }));
      },
    });
    this.#outgoing.set(id, pump);
    pump.start();
  }

  #blocked(pump: ItemPump): boolean {
    const { writer } = this.#port;
    if (!writer.congested) return false;
    writer.connection.whenWritable(() => {
      writer.congested = false;
      pump.resume();
    });
    return true;
  }

  addCredit(id: number, bytes: number): void {
    this.#outgoing.get(id)?.addCredit(bytes);
  }

  /** DATA came. Throws ProtocolError when the call has no stream of outputs, or the server no credit. */
  take(call: OutgoingCall, value: unknown, f: wire.Frame): void {
    const stream = this.#incoming.get(f.stream);
    if (stream === undefined)
      throw new wire.ProtocolError(`items for ${call.endpoint.name}, which is ${call.endpoint.kind}`);
    stream.take(value, (f.flags & wire.BATCH) !== 0, f.end - f.start + wire.HEADER_BYTES);
  }

  /** The call is over: nothing more is credited or sent. */
  close(id: number): void {
    this.#incoming.get(id)?.items.connect(undefined);
    this.#incoming.delete(id);
    void this.#outgoing.get(id)?.stop();
    this.#outgoing.delete(id);
  }
}
