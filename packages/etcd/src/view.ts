import type { Instance } from "@skein/core";
import type { Change, KeyValue } from "./etcd-port.ts";
import { hostPortOf } from "./layouts/addresses.ts";
import type { Layout } from "./layouts/layout.ts";

interface Entry {
  readonly instances: readonly Instance[];
  readonly own: boolean;
  readonly revision: number;
}

/** What the keys of one layout say, key by key. Pure. */
export class View {
  readonly entries = new Map<string, Entry>();
  /** Key and why it is no record. */
  readonly malformed = new Map<string, string>();
  readonly #layout: Layout;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  replace(records: readonly KeyValue[]): void {
    // Records that did not change stay the same objects: whoever compares has an easy time.
    const before = new Map(this.entries);
    this.entries.clear();
    this.malformed.clear();
    for (const record of records) {
      const known = before.get(record.key);
      if (known?.revision === record.revision) this.entries.set(record.key, known);
      else this.#put(record.key, record.value, record.revision);
    }
  }

  change({ key, value, revision }: Change): void {
    if (value !== undefined) return this.#put(key, value, revision);
    this.entries.delete(key);
    this.malformed.delete(key);
  }

  #put(key: string, value: string, revision: number): void {
    const read = this.#layout.read(key, value);
    if ("fault" in read) {
      this.entries.delete(key);
      this.malformed.set(key, read.fault);
      return;
    }
    this.malformed.delete(key);
    this.entries.set(key, { ...read, revision });
  }
}

/**
 * One set of what several layouts say: of an instance the newest record counts, and ours before what others wrote of the same address, which can hold less.
 */
export function merged(views: readonly View[]): readonly Instance[] {
  const newest = new Map<string, Entry & { readonly instance: Instance }>();
  let foreign = false;
  for (const { entries } of views)
    for (const entry of entries.values())
      for (const instance of entry.instances) {
        const known = newest.get(instance.id);
        if (known !== undefined && known.revision >= entry.revision) continue;
        newest.set(instance.id, { ...entry, instance });
        foreign ||= !entry.own;
      }
  const all = [...newest.values()];
  if (!foreign || all.every((e) => !e.own)) return all.map((e) => e.instance);
  const places = new Set(all.filter((e) => e.own).flatMap((e) => placesOf(e.instance)));
  return all
    .filter((e) => e.own || !placesOf(e.instance).some((at) => places.has(at)))
    .map((e) => e.instance);
}

function placesOf(instance: Instance): readonly string[] {
  const at = hostPortOf(instance);
  return at === undefined ? [] : [at];
}
