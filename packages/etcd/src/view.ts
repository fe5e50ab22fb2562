import type { Instance } from "@skein/core";
import type { Change, KeyValue } from "./etcd-port.ts";
import { hostPortOf } from "./layouts/addresses.ts";
import type { Layout } from "./layouts/layout.ts";

interface Entry {
  readonly value: string;
  readonly instances: readonly Instance[];
  readonly own: boolean;
  readonly revision: number;
}
/** An entry as it was read: before anybody knows whether it stays. */
type Decoded = Omit<Entry, "revision"> | { readonly value: string; readonly fault: string };

/** What the keys of one layout say, key by key. Pure. */
export class View {
  readonly entries = new Map<string, Entry>();
  /** Key and why it is no record. */
  readonly malformed = new Map<string, string>();
  readonly #layout: Layout;
  readonly #like: View;
  /** Of records that will be among the next that replace all. */
  readonly #decoded = new Map<string, Decoded>();
  /** How many keys hold an instance, by id. */
  readonly #holders = new Map<string, number>();
  #own = 0;
  #foreign = 0;
  /** Those of all entries; an entry's are side by side. */
  #instances: Instance[] = [];

  /** @param like of the same layout, and likely to hold much of what this one will: that is not read again */
  constructor(layout: Layout, like?: View) {
    this.#layout = layout;
    this.#like = like ?? this;
  }

  /** All of them, where there is nothing to choose from: none is here twice, and all were written in the same way. */
  get plain(): readonly Instance[] | undefined {
    const { length } = this.#instances;
    if (this.#holders.size !== length || (this.#own !== length && this.#foreign !== length)) return undefined;
    return this.#instances.slice();
  }

  /** Some of the records that replace() will be given: read now, as reading thousands at once takes its time. */
  prepare(records: readonly KeyValue[]): void {
    for (const { key, value } of records)
      if (this.#like.entries.get(key)?.value !== value) this.#decoded.set(key, this.#decode(key, value));
  }

  replace(records: readonly KeyValue[]): void {
    // Records that did not change stay the same objects: whoever compares has an easy time.
    const before = new Map(this.#like.entries);
    this.entries.clear();
    this.malformed.clear();
    this.#holders.clear();
    this.#own = 0;
    this.#foreign = 0;
    this.#instances = [];
    for (const { key, value, revision } of records) {
      let found: Decoded | undefined = before.get(key);
      if (found?.value !== value) found = this.#decoded.get(key);
      this.#put(key, found?.value === value ? found : this.#decode(key, value), revision);
    }
    this.#decoded.clear();
  }

  change({ key, value, revision }: Change): void {
    if (value !== undefined) return this.#put(key, this.#decode(key, value), revision);
    this.#delete(key);
    this.malformed.delete(key);
  }

  #decode(key: string, value: string): Decoded {
    return { value, ...this.#layout.read(key, value) };
  }

  #put(key: string, decoded: Decoded, revision: number): void {
    if ("fault" in decoded) {
      this.#delete(key);
      this.malformed.set(key, decoded.fault);
      return;
    }
    this.malformed.delete(key);
    const { value, instances, own } = decoded;
    const entry = { value, instances, own, revision };
    this.#exchange(this.entries.get(key), entry);
    this.entries.set(key, entry);
  }

  #delete(key: string): void {
    this.#exchange(this.entries.get(key), undefined);
    this.entries.delete(key);
  }

  #exchange(before: Entry | undefined, entry: Entry | undefined): void {
    if (before !== undefined) this.#count(before, -1);
    if (entry !== undefined) this.#count(entry, 1);
    const { instances: old = [] } = before ?? {};
    const { instances = [] } = entry ?? {};
    const [first] = old;
    if (first === undefined) this.#instances.push(...instances);
    else this.#instances.splice(this.#instances.indexOf(first), old.length, ...instances);
  }

  #count({ instances, own }: Entry, by: 1 | -1): void {
    if (own) this.#own += by * instances.length;
    else this.#foreign += by * instances.length;
    for (const { id } of instances) {
      const holders = (this.#holders.get(id) ?? 0) + by;
      if (holders === 0) this.#holders.delete(id);
      else this.#holders.set(id, holders);
    }
  }
}

interface Choice {
  readonly entry: Entry;
  readonly instance: Instance;
}

/**
 * One set of what several layouts say: of an instance the newest record counts, and ours before what others wrote of the same address, which can hold less.
 */
export function merged(views: readonly View[]): readonly Instance[] {
  const plain = views.length === 1 ? views[0]?.plain : undefined;
  if (plain !== undefined) return plain;
  const newest = new Map<string, Choice>();
  let foreign = false;
  for (const { entries } of views)
    for (const entry of entries.values())
      for (const instance of entry.instances) {
        const known = newest.get(instance.id);
        if (known !== undefined && known.entry.revision >= entry.revision) continue;
        newest.set(instance.id, { entry, instance });
        foreign ||= !entry.own;
      }
  const all = [...newest.values()];
  if (!foreign || all.every(({ entry }) => !entry.own)) return all.map(({ instance }) => instance);
  const places = new Set(all.filter(({ entry }) => entry.own).flatMap((e) => placesOf(e.instance)));
  return all
    .filter((e) => e.entry.own || !placesOf(e.instance).some((at) => places.has(at)))
    .map(({ instance }) => instance);
}

function placesOf(instance: Instance): readonly string[] {
  const at = hostPortOf(instance);
  return at === undefined ? [] : [at];
}
