import { type Instance, type Lease, LeaseLostError, RpcError, type Runtime } from "@skein/core";
import { checkInstance } from "@skein/registry/backend";
import type { MdnsNode, OwnId } from "./mdns-node.ts";
import { bytesOf, MOST_BYTES } from "./wire.ts";

let lastWritten = 0;

/** A promise to ourselves: what is not renewed in time is answered for no longer, and those who heard of it forget it. */
export class MdnsLease implements Lease {
  readonly ttlMs: number;
  onLost: ((reason: string) => void) | undefined;
  readonly #tag: string;
  readonly #node: MdnsNode;
  readonly #runtime: Runtime;
  readonly #over: () => void;
  readonly #ids = new Map<string, OwnId>();
  /** Monotonic ms. */
  #expiresAt: number;
  #released: Promise<void> | undefined;

  /**
   * @param askedMs rounded up to whole seconds, as DNS has them
   * @param over called once, when it is released
   */
  constructor(askedMs: number, node: MdnsNode, runtime: Runtime, over: () => void) {
    this.ttlMs = Math.max(1, Math.ceil(askedMs / 1000)) * 1000;
    this.#node = node;
    this.#runtime = runtime;
    this.#over = over;
    this.#tag = runtime.uniqueId();
    this.#expiresAt = runtime.clock.fresh() + this.ttlMs;
  }

  get #lost(): boolean {
    return this.#released !== undefined || this.#runtime.clock.fresh() >= this.#expiresAt;
  }

  async renew(): Promise<"held" | "lost"> {
    if (this.#lost) return "lost";
    const before = this.#expiresAt;
    this.#expiresAt = this.#runtime.clock.fresh() + this.ttlMs;
    try {
      await this.#node.sayAgain([...this.#ids.values()]);
    } catch (error) {
      this.#expiresAt = before;
      throw error;
    }
    return this.#lost ? "lost" : "held";
  }

  async put(instance: Instance): Promise<void> {
    checkInstance(instance);
    if (this.#lost) throw new LeaseLostError(`the lease ${this.#tag} is over`);
    lastWritten = Math.max(this.#runtime.clock.now(), lastWritten + 1);
    const announcement = { instance, lease: this.#tag, written: lastWritten };
    const sets = this.#node.setsOf(announcement);
    checkSets(instance, sets);
    const { service, id } = instance;
    const before = this.#ids.get(id);
    this.#ids.set(id, { service, id });
    if (before !== undefined && before.service !== service) await this.#node.goodbye([before], this.#tag);
    await this.#node.announce(announcement, sets, () => this.#expiresAt);
  }

  async remove(id: string): Promise<void> {
    const known = this.#ids.get(id);
    if (known === undefined) return;
    this.#ids.delete(id);
    await this.#node.goodbye([known], this.#tag);
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    this.#over();
    await this.#node.goodbye([...this.#ids.values()], this.#tag);
  }
}

function checkSets(instance: Instance, sets: ReturnType<MdnsNode["setsOf"]>): void {
  const fail = (fault: string): never => {
    throw new RpcError("INVALID_ARGUMENT", fault, { executed: "no" });
  };
  if (sets.every((set) => set === undefined))
    fail(`the instance ${instance.id} has no address with host and port, and layout=go-micro needs one`);
  for (const set of sets) {
    const bytes = set === undefined ? 0 : bytesOf(set);
    if (bytes > MOST_BYTES)
      fail(
        `the instance ${instance.id} is ${bytes} bytes long as DNS records: mDNS takes ${MOST_BYTES}. Give it less metadata`,
      );
  }
}
