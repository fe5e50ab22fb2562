import { type Instance, type Lease, LeaseLostError, RpcError } from "@skein/core";
import { checkInstance } from "../check-instance.ts";
import type { Ask } from "./ask.ts";
import { Gate } from "./gate.ts";

/** More at a time would only be more connections. */
const MOST_PUTS = 16;

/** A lease of the centre: one heartbeat renews all that is under it. */
export class HttpLease implements Lease {
  readonly ttlMs: number;
  onLost: ((reason: string) => void) | undefined;
  readonly #id: string;
  readonly #namespace: string | undefined;
  readonly #ask: Ask;
  readonly #over: () => void;
  readonly #gate = new Gate(MOST_PUTS);
  #released: Promise<void> | undefined;

  /** @param over called once, when it is released */
  constructor(
    {
      id,
      ttlMs,
      namespace,
    }: { readonly id: string; readonly ttlMs: number; readonly namespace: string | undefined },
    ask: Ask,
    over: () => void,
  ) {
    this.#id = id;
    this.ttlMs = ttlMs;
    this.#namespace = namespace;
    this.#ask = ask;
    this.#over = over;
  }

  async renew(): Promise<"held" | "lost"> {
    if (this.#released !== undefined) return "lost";
    return (await this.#post("/heartbeat", {})) === undefined ? "lost" : "held";
  }

  async put(instance: Instance): Promise<void> {
    checkInstance(instance);
    if (this.#released !== undefined) throw new LeaseLostError("the lease was released");
    const body = { instance, namespace: this.#namespace };
    if ((await this.#gate.run(() => this.#post("/register", body))) === undefined)
      throw new LeaseLostError("the registry does not know the lease");
  }

  async remove(id: string): Promise<void> {
    if (this.#released !== undefined) return;
    await this.#post("/deregister", { id, namespace: this.#namespace });
  }

  /** What is still being registered is removed as well, or refused: the centre knows the lease no more. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    this.#over();
    await this.#post("/deregister", {});
  }

  /** Undefined: the centre does not know what is meant. */
  async #post(path: string, body: object): Promise<unknown> {
    try {
      return await this.#ask({ method: "POST", path, body: { lease: this.#id, ...body } });
    } catch (error) {
      if (RpcError.is(error) && error.code === "NOT_FOUND") return undefined;
      throw error;
    }
  }
}
