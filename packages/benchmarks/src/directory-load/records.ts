import type { Instance } from "@skein/core";

export const SERVICE = "load";
const VERSION = "1.0.0";
/** An instance that was changed is left alone for so many changes: whoever looks for the change must be able to see it. */
const REST = 1000;

/** One change of the population, and what it leaves: a weight of its own, or nothing. */
export interface Written {
  readonly id: string;
  readonly instance: Instance | undefined;
  /** Where its record is, as `host:port`. */
  readonly place: string;
}

interface Member extends Written {
  readonly instance: Instance;
  readonly changedAt: number;
}

/**
 * What the registry should hold. Each record is as a process's own; but all are answered by a few real servers: nobody may be dialled who is not
 * there, and `static:` tells clients to take whoever answers.
 */
export class Population {
  readonly #urls: readonly string[];
  readonly #random: () => number;
  readonly #members: Member[] = [];
  #made = 0;
  #changes = 0;

  constructor(urls: readonly string[], random: () => number = Math.random) {
    this.#urls = urls;
    this.#random = random;
  }

  get all(): readonly Written[] {
    return this.#members;
  }

  /** Another one. */
  add(): Written {
    const n = this.#made++;
    const id = `static:${n.toString(16).padStart(8, "0")}-5d1c-4e4f-9a51-${this.#hex(12)}`;
    const place = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}:8080`;
    const instance: Instance = {
      service: SERVICE,
      version: VERSION,
      id,
      addresses: [{ protocol: "skein", url: this.#urls[n % this.#urls.length] as string }],
      zone: `zone-${n % 3}`,
      weight: this.#weight(),
      status: "serving",
      startedAt: "2026-01-01T00:00:00.000Z",
      metadata: { host: `node-${n}`, region: "europe-west", build: this.#hex(8) },
    };
    const member = { id, instance, place, changedAt: this.#changes };
    this.#members.push(member);
    return member;
  }

  /** A quarter are new, a quarter go, half are changed. */
  change(): Written {
    const kind = this.#changes++ % 4;
    if (kind === 0) return this.add();
    const at = this.#rested();
    const member = this.#members[at] as Member;
    if (kind === 2) {
      const last = this.#members.pop() as Member;
      if (last !== member) this.#members[at] = last;
      return { id: member.id, place: member.place, instance: undefined };
    }
    const instance = { ...member.instance, weight: this.#weight() };
    const changed = { ...member, instance, changedAt: this.#changes };
    this.#members[at] = changed;
    return changed;
  }

  /** No two changes leave the same. */
  #weight(): number {
    return 1 + (this.#made + this.#changes) / 1e7;
  }

  #rested(): number {
    for (let tries = 0; tries < 100; tries++) {
      const at = Math.floor(this.#random() * this.#members.length);
      const { changedAt } = this.#members[at] as Member;
      if (changedAt === 0 || this.#changes - changedAt > REST) return at;
    }
    return 0;
  }

  #hex(digits: number): string {
    return Math.floor(this.#random() * 16 ** digits)
      .toString(16)
      .padStart(digits, "0");
  }
}
