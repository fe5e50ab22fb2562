import { RpcError } from "@skein/core";

/**
 * Requests for one service that are under way at most. Behind the door a session has 1,000 calls in flight, and as many may wait for them: NATS slows
 * nobody who publishes, and admission does not see what waits in front of it.
 */
const MOST = 2000;
/** Whoever was refused may try again after, ms: long enough for many handlers to end. */
const AGAIN_MS = 100;

/** How much of a service runs, all its endpoints together. */
export class Room {
  #taken = 0;

  /** Rejects with RESOURCE_EXHAUSTED, and does not begin, where there is no room. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#taken >= MOST) {
      const text = `more than ${MOST} requests for the service are under way`;
      throw new RpcError("RESOURCE_EXHAUSTED", text, { executed: "no", retry: AGAIN_MS });
    }
    this.#taken++;
    try {
      return await call();
    } finally {
      this.#taken--;
    }
  }
}
