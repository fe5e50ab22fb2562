import { type Instance, type Lease, LeaseLostError, RpcError, type Runtime } from "@skein/core";
import { checkInstance } from "@skein/registry/backend";
import type { Announcer, Speaker } from "./announcer.ts";
import type { Link } from "./link.ts";
import type { Written } from "./registry-message.ts";

/** Of a message around a record, bytes. */
const ENVELOPE_BYTES = 512;

let lastWritten = 0;

/** A promise to ourselves: what is not renewed in time is said no longer, and those who heard of it forget it. */
export class NatsLease implements Lease, Speaker {
  readonly ttlMs: number;
  readonly tag: string;
  readonly records = new Map<string, Written>();
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
          await this.#link.flush();
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
    if (before !== undefined && before.instance.service !== service) this.#announcer.sayGone(this, [before]);
    this.#announcer.say(this, [record]);
    await this.#link.flush();
  }

  #mustHold(): void {
    if (this.#lost) throw new LeaseLostError(`the lease ${this.tag} is over`);
  }

  #mustFit(instance: Instance): void {
    const bytes = Buffer.byteLength(JSON.stringify(instance)) + ENVELOPE_BYTES;
    const most = this.#link.maxPayload;
    if (most > 0 && bytes > most)
      throw new RpcError(
        "INVALID_ARGUMENT",
        `the instance ${instance.id} is ${bytes} bytes long as a message, and the server's max_payload is ${most}: give it less metadata`,
        { executed: "no" },
      );
  }

  async remove(id: string): Promise<void> {
    const known = this.records.get(id);
    if (known === undefined) return;
    this.records.delete(id);
    this.#announcer.sayGone(this, [known]);
    await this.#link.flush();
  }

  /** What cannot be said ends with its TTL: then it rejects with UNAVAILABLE. */
  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    const records = [...this.records.values()];
    this.#end();
    if (records.length === 0) return;
    this.#announcer.sayGone(this, records);
    await this.#link.flush();
  }

  #end(): void {
    this.records.clear();
    this.#announcer.drop(this);
    this.#over();
  }
}
