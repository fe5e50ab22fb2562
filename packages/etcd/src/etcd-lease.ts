import { type Instance, type Lease, LeaseLostError } from "@skein/core";
import { checkInstance } from "@skein/registry/backend";
import type { EtcdPort } from "./etcd-port.ts";
import type { Layout, StoredRecord } from "./layouts/layout.ts";

/** Calls back when a key is gone; returns what ends it. */
export type Guard = (key: string, gone: () => void) => () => void;

/** So many keys are watched, so that their loss is known before the next renewal. */
const MOST_GUARDED = 32;

/** A lease of etcd's, with the keys we put under it. */
export class EtcdLease implements Lease {
  readonly ttlMs: number;
  onLost: ((reason: string) => void) | undefined;
  readonly #id: string;
  readonly #port: EtcdPort;
  readonly #layouts: readonly Layout[];
  readonly #over: () => void;
  readonly #told: (instance: Instance) => void;
  readonly #guard: Guard;
  /** Key to what ends watching it. */
  readonly #guards = new Map<string, () => void>();
  /** Instance to its keys. */
  readonly #keys = new Map<string, readonly string[]>();
  #released: Promise<void> | undefined;

  /**
   * @param over called once, when it is released
   * @param told of each instance that was written
   */
  constructor(
    granted: { readonly lease: string; readonly ttlSeconds: number },
    port: EtcdPort,
    layouts: readonly Layout[],
    guard: Guard,
    over: () => void,
    told: (instance: Instance) => void,
  ) {
    this.#told = told;
    this.#guard = guard;
    this.ttlMs = granted.ttlSeconds * 1000;
    this.#id = granted.lease;
    this.#port = port;
    this.#layouts = layouts;
    this.#over = over;
  }

  async renew(): Promise<"held" | "lost"> {
    if (this.#released !== undefined) return "lost";
    if ((await this.#port.keepAlive(this.#id)) > 0) return "held";
    this.#unguard();
    return "lost";
  }

  /** Revoked, wiped, or deleted by somebody: the keeper takes another lease and puts all again. */
  #gone(key: string): void {
    this.#unguard();
    this.onLost?.(`the key ${key} was deleted`);
  }

  #unguard(): void {
    for (const end of this.#guards.values()) end();
    this.#guards.clear();
  }

  async put(instance: Instance): Promise<void> {
    checkInstance(instance);
    if (this.#released !== undefined) throw new LeaseLostError("the lease was released");
    const records = recordsOf(instance, this.#layouts);
    const keys = records.map((record) => record.key);
    const before = this.#keys.get(instance.id) ?? [];
    this.#keys.set(instance.id, [...new Set([...before, ...keys])]);
    await this.#port.put(records, this.#id);
    this.#keys.set(instance.id, keys);
    this.#told(instance);
    const [first] = keys;
    if (
      first !== undefined &&
      this.#released === undefined &&
      this.#guards.size < MOST_GUARDED &&
      !this.#guards.has(first)
    )
      this.#guards.set(
        first,
        this.#guard(first, () => this.#gone(first)),
      );
    await this.#removeKeys(
      instance.id,
      before.filter((key) => !keys.includes(key)),
    );
  }

  async remove(id: string): Promise<void> {
    const keys = this.#keys.get(id);
    if (keys === undefined) return;
    await this.#removeKeys(id, keys);
    this.#keys.delete(id);
  }

  /** But for those that another instance of ours has taken over. */
  async #removeKeys(id: string, keys: readonly string[]): Promise<void> {
    const taken = new Set([...this.#keys].filter(([other]) => other !== id).flatMap(([, theirs]) => theirs));
    const ours = keys.filter((key) => !taken.has(key));
    for (const key of ours) {
      this.#guards.get(key)?.();
      this.#guards.delete(key);
    }
    if (ours.length > 0) await this.#port.removeHeld(ours, this.#id);
  }

  release(): Promise<void> {
    this.#released ??= Promise.resolve().then(() => {
      this.#over();
      this.#unguard();
      return this.#port.revoke(this.#id);
    });
    return this.#released;
  }
}

/** Where one layout shows an instance's status, the others hold only instances that serve: their readers cannot tell. */
function recordsOf(instance: Instance, layouts: readonly Layout[]): readonly StoredRecord[] {
  const told = instance.status !== "serving" && layouts.some((layout) => layout.hasStatus);
  return layouts.filter((layout) => !told || layout.hasStatus).map((layout) => layout.record(instance));
}
