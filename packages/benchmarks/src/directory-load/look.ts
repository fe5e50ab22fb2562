import type { Candidate, SelectorFactory } from "@skein/core";
import { nowMs, type Sample } from "./messages.ts";

/** Looks at what calls are picked from: the end of the road from a registry to a call. */
export class Look {
  /** Ms from each change to when it was seen. */
  readonly tookMs: number[] = [];
  held = 0;
  updates = 0;
  /** Called at each update. */
  onUpdate: () => void = () => {};
  candidates: readonly Candidate[] = [];
  readonly #pending = new Map<string, Sample>();

  get missed(): number {
    return this.#pending.size;
  }

  /** A selector as `inner` that is looked at. */
  around(inner: SelectorFactory): SelectorFactory {
    return (options) => {
      const selector = inner(options);
      return {
        update: (candidates) => {
          const picker = selector.update(candidates);
          this.candidates = candidates;
          this.updates++;
          if (this.#pending.size > 0) this.#check();
          this.onUpdate();
          return picker;
        },
      };
    };
  }

  expect(sample: Sample): void {
    this.#pending.set(sample.id, sample);
    this.#check();
  }

  #check(): void {
    const now = nowMs();
    const gone = new Set(this.#pending.keys());
    for (const { instance, state } of this.candidates) {
      const { id, weight } = instance;
      const sample = this.#pending.get(id);
      if (sample === undefined) continue;
      gone.delete(id);
      if (sample.weight === weight) this.#seen(sample, now);
      // Whoever can still be reached is not taken for dead.
      else if (sample.weight === undefined && state === "ready") {
        this.held++;
        this.#pending.delete(id);
      }
    }
    for (const id of gone) {
      const sample = this.#pending.get(id) as Sample;
      if (sample.weight === undefined) this.#seen(sample, now);
    }
  }

  #seen({ id, at }: Sample, now: number): void {
    this.tookMs.push(now - at);
    this.#pending.delete(id);
  }

  /** How many differ from what should be there, but for those that are held. */
  wrong(truth: ReadonlyMap<string, number>): number {
    let right = 0;
    let more = 0;
    for (const { instance, state } of this.candidates) {
      const weight = truth.get(instance.id);
      if (weight === instance.weight) right++;
      else if (weight !== undefined || state !== "ready") more++;
    }
    return truth.size - right + more;
  }
}
