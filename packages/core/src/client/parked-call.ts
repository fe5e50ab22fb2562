import { type CallObject, notAwaitable, silence, wrongIteration } from "./call-object.ts";
import type { ClientCall } from "./client-call.ts";
import { LateIterator } from "./late-iterator.ts";

/** How a call goes on once its method's kind is known. */
export interface ParkedRoad {
  /** What depends on the kind is set: deadline, idempotence. */
  adopt(call: ClientCall): void;
  /** Sends a call that gives one answer. */
  launch(call: ClientCall): Promise<unknown>;
  /** Sends a call that gives items. */
  open(call: ClientCall): AsyncIterator<unknown>;
}

/**
 * A call whose method's kind is not known yet: no instance has answered HELLO. What its caller does with it meanwhile, await or
 * iterate, is right or wrong only later.
 */
export class ParkedCall {
  readonly object: CallObject;
  readonly #call: ClientCall;
  readonly #road: ParkedRoad;
  #resolve!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  #iterator: AsyncIterator<unknown> | undefined;
  #late: LateIterator | undefined;
  /** The kind is known, or never will be. */
  #settled: "streaming" | "unary" | { readonly error: unknown } | undefined;

  constructor(call: ClientCall, road: ParkedRoad) {
    this.#call = call;
    this.#road = road;
    const promise = new Promise<unknown>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    }) as CallObject;
    promise[Symbol.asyncIterator] = () => this.#iterate();
    this.object = promise;
    call.parked = this;
    call.reject = (error) => this.#fail(error);
  }

  /** The method is known. */
  proceed(): void {
    const call = this.#call;
    call.parked = undefined;
    this.#road.adopt(call);
    try {
      if (call.target.givesStream) this.#stream(call);
      else this.#unary(call);
    } catch (error) {
      // An interceptor threw.
      this.#fail(error);
    }
  }

  #stream(call: ClientCall): void {
    this.#settled = "streaming";
    silence(this.object);
    this.#reject(notAwaitable(call.target));
    this.#late?.attach(this.#road.open(call));
  }

  #unary(call: ClientCall): void {
    if (this.#late !== undefined) return call.cancel(wrongIteration(call.target));
    this.#settled = "unary";
    this.#road.launch(call).then(this.#resolve, this.#reject);
  }

  /** The call ended before anything was known, or when it had been iterated by mistake. */
  #fail(error: unknown): void {
    this.#settled = { error };
    silence(this.object);
    this.#reject(error);
    this.#late?.fail(error);
  }

  #iterate(): AsyncIterator<unknown> {
    if (this.#iterator !== undefined) return this.#iterator;
    const settled = this.#settled;
    if (settled === "unary") {
      silence(this.object);
      throw wrongIteration(this.#call.target);
    }
    if (typeof settled === "object") throw settled.error;
    if (settled === "streaming") this.#iterator = this.#road.open(this.#call);
    else this.#iterator = this.#late = new LateIterator(() => this.#call.abandoned());
    return this.#iterator;
  }
}
