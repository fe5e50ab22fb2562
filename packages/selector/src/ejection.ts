import {
  type Candidate,
  DEFAULT_POLICY,
  type EjectionPolicy,
  type Picker,
  type PickRequest,
  type Selector,
  type SelectorFactory,
  type SelectorOptions,
} from "@skein/core";
import { Guarded, type Guardian, Probe, type Rules } from "./guarded.ts";
import { rulesOf } from "./rules.ts";
import type { Trouble } from "./trouble.ts";

/** Of the wrapper itself: they win over the client's policy, field by field. */
export type EjectionOptions = EjectionPolicy;

/** How long nobody is ejected once all were found to fail, ms. */
const ALIKE_MS = 10_000;
/** Sets up to this size are rebuilt at once when somebody is ejected or back. */
const SMALL = 100;
/** Larger ones once in so many ms for each candidate at most: however many are ejected, that takes a few per cent of the time. */
const REST_MS_EACH = 0.01;

/**
 * Keeps calls away from instances that fail, around any selector: after 5 failures in a row or with less than 80 % of successes over 30 s and at least 5
 * calls (Finagle's failure accrual), for 1 s doubling to 30 s (brpc's isolation), of which between a half and all is waited, by chance; then one call
 * is let through, and its success brings the instance back. Ejected ones are told to the selector as suspects: nobody picks them while
 * there are others. Never are fewer than half of the connected instances available by that; where fewer are, as others do not answer,
 * nobody is ejected (Envoy's and Finagle's panic mode, 50 %). Suspects themselves stay last in a panic: nothing comes back from them. And where those
 * who stay fail as well, all of them, it is no fault of an instance, as when all are overloaded: the others are taken back for 10 s.
 */
export function ejecting(factory: SelectorFactory, options?: EjectionOptions): SelectorFactory {
  return (given) => {
    const { ejection } = given.policy ?? DEFAULT_POLICY;
    const rules = rulesOf<Rules>(options, ejection, DEFAULT_POLICY.ejection);
    return rules === undefined ? factory(given) : new Ejector(factory(given), rules, given);
  };
}

/** Somebody who is out. */
interface Ejected {
  readonly guarded: Guarded;
  readonly trouble: Trouble;
  readonly probe: Probe;
}

class Ejector implements Selector, Picker, Guardian {
  readonly #selector: Selector;
  readonly rules: Rules;
  readonly thirds: number;
  readonly #o: SelectorOptions;
  readonly #guarded = new Map<string, Guarded>();
  /** Those that are candidates now. */
  #present: Guarded[] = [];
  #ejected: Ejected[] = [];
  #picker: Picker;
  #round = 0;
  /** Ready or suspect. */
  #connected = 0;
  /** Ready, and not ejected. */
  #available = 0;
  #panic = false;
  /** Somebody was ejected, or has come back, since the selector was told. */
  #stale = false;
  #restsUntil = 0;
  /** Those that would have been ejected, had there been more. */
  readonly #spared = new Set<Trouble>();
  /** All failed alike: until then nobody is ejected, ms. */
  #alikeUntil = 0;
  /** When a pick has something to do first, ms. */
  #dueAt = Number.POSITIVE_INFINITY;
  /** The newest that was told, ms. */
  #now = 0;

  constructor(selector: Selector, rules: Rules, options: SelectorOptions) {
    this.#selector = selector;
    this.rules = rules;
    this.thirds = 3 / rules.windowMs;
    this.#o = options;
    this.#picker = selector.update([]);
  }

  update(candidates: readonly Candidate[]): this {
    this.#spared.clear();
    const round = ++this.#round;
    this.#present = [];
    for (const candidate of candidates) {
      const guarded = this.#of(candidate);
      if (guarded.round === round) continue;
      guarded.round = round;
      this.#present.push(guarded);
    }
    if (this.#guarded.size > this.#present.length) this.#forget(round);
    this.#tell();
    return this;
  }

  #of(candidate: Candidate): Guarded {
    const { id } = candidate.instance;
    let guarded = this.#guarded.get(id);
    if (guarded === undefined) {
      guarded = new Guarded(candidate, this);
      this.#guarded.set(id, guarded);
    }
    guarded.candidate = candidate;
    return guarded;
  }

  /** Those who have failed may come back: one whose connection breaks at each call is away after each. */
  #forget(round: number): void {
    for (const [id, { round: named, trouble }] of this.#guarded) {
      if (named === round) continue;
      if (trouble === undefined || this.#now - trouble.lastAt > 2 * this.rules.maxBackoffMs)
        this.#guarded.delete(id);
    }
  }

  /** Tells the selector who is there, and how. */
  #tell(): void {
    this.#stale = false;
    this.#restsUntil = this.#now + Math.max(0, this.#present.length - SMALL) * REST_MS_EACH;
    this.#count();
    for (const guarded of this.#present) guarded.show(this.#panic);
    this.#picker = this.#selector.update(this.#present);
    this.#schedule();
  }

  #count(): void {
    this.#connected = 0;
    this.#available = 0;
    this.#ejected = [];
    for (const guarded of this.#present) {
      const { candidate, trouble } = guarded;
      const out = trouble?.ejected === true;
      if (out) this.#ejected.push(this.#probing(guarded, trouble));
      if (candidate.state !== "ready" && candidate.state !== "suspect") continue;
      this.#connected++;
      if (candidate.state === "ready" && !out) this.#available++;
    }
    this.#panic = this.#available < this.rules.minAvailable * this.#connected;
  }

  #probing(guarded: Guarded, trouble: Trouble): Ejected {
    return { guarded, trouble, probe: new Probe(guarded, trouble, this) };
  }

  #schedule(): void {
    this.#dueAt = this.#stale ? this.#restsUntil : Number.POSITIVE_INFINITY;
    for (const { guarded, trouble } of this.#ejected)
      if (guarded.candidate.state === "ready") this.#dueAt = Math.min(this.#dueAt, trouble.until);
  }

  pick(call: PickRequest): Guarded | Probe | undefined {
    if (call.now >= this.#dueAt) {
      const probe = this.#due(call);
      if (probe !== undefined) return probe;
    }
    const pick = this.#picker.pick(call);
    if (pick === undefined) return undefined;
    const guarded = pick.candidate as Guarded;
    if (guarded.pick !== pick) guarded.pick = pick;
    return guarded;
  }

  #due({ now, exclude }: PickRequest): Probe | undefined {
    this.#now = now;
    if (this.#stale && now >= this.#restsUntil) this.#tell();
    for (const { guarded, trouble, probe } of this.#ejected) {
      const { state, instance } = guarded.candidate;
      if (trouble.until > now || state !== "ready" || exclude?.has(instance.id) === true) continue;
      // A stream may last for hours: another one is tried meanwhile.
      trouble.until = now + this.rules.maxBackoffMs;
      this.#schedule();
      return probe;
    }
    return undefined;
  }

  // ---- told by guarded ones

  failedTooOften(guarded: Guarded, trouble: Trouble, now: number): void {
    this.#now = now;
    if (guarded.round !== this.#round || guarded.candidate.state !== "ready" || now < this.#alikeUntil)
      return;
    if (this.#available - 1 < this.rules.minAvailable * this.#connected) return this.#spare(trouble, now);
    this.#available--;
    this.#ejected.push(this.#probing(guarded, trouble));
    this.#eject(guarded, trouble, now);
    this.#stale = true;
    this.#schedule();
  }

  #spare(trouble: Trouble, now: number): void {
    trouble.sparedAt = now;
    this.#spared.add(trouble);
    if (this.#spared.size < this.#available) return;
    for (const spared of this.#spared) if (now - spared.sparedAt > ALIKE_MS) this.#spared.delete(spared);
    if (this.#spared.size < this.#available) return;
    this.#spared.clear();
    this.#alikeUntil = now + ALIKE_MS;
    const { length } = this.#ejected;
    if (length === 0) return;
    for (const { guarded } of this.#ejected) guarded.restore(now);
    this.#stale = true;
    this.#schedule();
    this.#o.logger?.warn({ ejected: length }, "all instances fail: none is left out");
  }

  probed(guarded: Guarded, trouble: Trouble, now: number, failed: boolean | undefined): void {
    if (!trouble.ejected) return;
    this.#now = now;
    if (failed === undefined) trouble.until = now;
    else if (failed) this.#eject(guarded, trouble, now);
    else {
      guarded.restore(now);
      this.#stale = true;
      this.#o.logger?.info({ instance: guarded.instance.id }, "instance is asked again");
    }
    this.#schedule();
  }

  #eject({ instance }: Guarded, trouble: Trouble, now: number): void {
    const { backoffMs, maxBackoffMs } = this.rules;
    const forMs = Math.round(trouble.eject(now, backoffMs, maxBackoffMs, this.#o.random()));
    this.#o.logger?.warn({ instance: instance.id, forMs }, "instance is not asked: its calls fail");
  }
}
