import type { RpcError } from "@skein/core";
import type { OutgoingCall, RemoteEndpoint } from "@skein/core/internal";
import type { CallRecord } from "../ledger/records.ts";
import { wallClock } from "../stage/wall-clock.ts";

/** A call straight on a session: no proxy, no promise, no retry, no choice. A tenth of what a client's call costs whoever makes it. */
export class LeanCall implements OutgoingCall {
  readonly endpoint: RemoteEndpoint;
  readonly input: { readonly id: string };
  readonly expiresAt: number;
  readonly metadata = undefined;
  readonly attempt = 0;
  readonly items = undefined;
  id = 0;
  inputTaken = false;
  readonly sentAt = wallClock();
  readonly #intendedAt: number;
  readonly #timeoutMs: number;
  readonly #onEnd: () => void;
  #endedAt = 0;
  #answer: unknown;
  #error: RpcError | undefined;

  /** @param now of the session's clock */
  constructor(
    endpoint: RemoteEndpoint,
    input: { readonly id: string },
    now: number,
    timeoutMs: number,
    intendedAt: number,
    onEnd: () => void,
  ) {
    this.endpoint = endpoint;
    this.input = input;
    this.expiresAt = now + timeoutMs;
    this.#timeoutMs = timeoutMs;
    this.#intendedAt = intendedAt;
    this.#onEnd = onEnd;
  }

  finish(value: unknown): void {
    this.#endedAt = wallClock();
    this.#answer = value;
    this.#onEnd();
  }

  fail(error: RpcError): void {
    this.#endedAt = wallClock();
    this.#error = error;
    this.#onEnd();
  }

  abandoned(): void {}

  get record(): CallRecord {
    const known = {
      id: this.input.id,
      method: this.endpoint.name,
      idempotent: true,
      timeoutMs: this.#timeoutMs,
      intendedAt: this.#intendedAt,
      sentAt: this.sentAt,
      endedAt: this.#endedAt,
    };
    if (this.#error === undefined) return { ...known, answer: this.#answer };
    const { code, message, executed } = this.#error;
    return { ...known, error: { code, message, executed } };
  }
}
