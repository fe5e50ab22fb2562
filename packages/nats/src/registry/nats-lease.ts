import { type Instance, type Lease, LeaseLostError, RpcError, type Runtime } from "@skein/core";
import { checkInstance } from "@skein/registry/backend";
import type { Announcer, Speaker } from "./announcer.ts";
import type { Link } from "./link.ts";
import { messageBytes, type Written } from "./registry-message.ts";

let lastWritten = 0;

/** A promise to ourselves: what is not renewed in time is said no longer, and those who heard of it forget it. */
export class NatsLease implements Lease, Speaker {
  readonly ttlMs: number;
  readonly tag: string;
  readonly records = new Map<string, Written>();
  readonly leaving = new Set<Written>();
  onLost: ((reason: string) => void) | undefined;
  readonly #link: Link;
  readonly #announcer: Announcer;
  readonly #runtime: Runtime;
  readonly #over: () => void;
  /** Monotonic ms. */
  #expiresAt: number;
  #released: Promise<void> | undefined;

  /** @param over called once it is released, or found lost */
  constructor(
    ttlMs: number,
    ports: { readonly link: Link; readonly announcer: Announcer; readonly runtime: Runtime },
    over: () => void,
  ) {
    this.ttlMs = ttlMs;
    this.#link = ports.link;
    this.#announcer = ports.announcer;
    this.#runtime = ports.runtime;
    this.#over = over;
    this.tag = ports.runtime.uniqueId();
    this.#expiresAt = ports.runtime.clock.fresh() + ttlMs;
    this.#announcer.add(this);
  }

  get expiresAt(): number {
    return this.#expiresAt;
  }

  get #lost(): boolean {
    return this.#released !== undefined || this.#runtime.clock.fresh() >= this.#expiresAt;
  }

  async renew(): Promise<"held" | "lost"> {
    if (!this.#lost) {
      // Before any change: what does not arrive is not renewed.
      await this.#link.ready();
      const before = this.#expiresAt;
      if (!this.#lost) {
        this.#expiresAt = this.#runtime.clock.fresh() + this.ttlMs;
        this.#announcer.say(this, this.records.values());
        try {
          await this.#confirm();
        } catch (error) {
          this.#expiresAt = before;
          throw error;
        }
        if (!this.#lost) return "held";
      }
    }
    this.#end();
    return "lost";
  }

  async put(instance: Instance): Promise<void> {
    checkInstance(instance);
    this.#mustHold();
    await this.#link.ready();
    this.#mustHold();
    this.#mustFit(instance);
    lastWritten = Math.max(Math.ceil(this.#runtime.clock.now()), lastWritten + 1);
    const { service, id } = instance;
    const record = { instance, written: lastWritten };
    const before = this.records.get(id);
    this.records.set(id, record);
    if (before !== undefined && before.instance.service !== service) this.leaving.add(before);
    this.#announcer.say(this, [record]);
    await this.#confirm();
  }

  #mustHold(): void {
    if (this.#lost) throw new LeaseLostError(`the lease ${this.tag} is over`);
  }

  #mustFit(instance: Instance): void {
    const bytes = messageBytes(instance);
    const most = this.#link.maxPayload;
    if (most > 0 && bytes > most)
      throw new RpcError(
        "INVALID_ARGUMENT",
        `the instance ${instance.id} is ${bytes} bytes long as a message, and the server's max_payload is ${most}: give it less metadata`,
        { executed: "no" },
      );
  }

  async remove(id: string): Promise<void> {
    this.#leave(id);
    if (this.leaving.size > 0) await this.#confirm();
  }

  #leave(id: string): void {
    const known = this.records.get(id);
    if (known === undefined) return;
    this.records.delete(id);
    this.leaving.add(known);
  }

  /** Says who is gone until the server has it. One that was put again meanwhile was written later, and counts. */
  async #confirm(): Promise<void> {
    const gone = [...this.leaving];
    this.#announcer.sayGone(this, gone);
    await this.#link.flush();
    for (const record of gone) this.leaving.delete(record);
  }

  /** What cannot be said ends with its TTL: then it rejects with UNAVAILABLE. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    for (const id of this.records.keys()) this.#leave(id);
    const said = this.leaving.size > 0 ? this.#confirm() : undefined;
    this.#end();
    await said;
  }

  #end(): void {
    this.records.clear();
    this.#announcer.drop(this);
    this.#over();
  }
}
