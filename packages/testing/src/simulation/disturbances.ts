/** What was not as it should be, and when: from `from` to `until`, ms of the world. */
export interface Disturbance {
  /** Names of processes, or the number of a connection. */
  readonly where: string | number;
  readonly what: string;
  readonly from: number;
  readonly until: number;
}

/** What befell whom: so that a call that failed can be told from one that should not have. */
export class Disturbances {
  readonly #all: Disturbance[] = [];

  add(where: string | number, what: string, from: number, until: number): void {
    this.#all.push({ where, what, from, until });
  }

  /** Of these, within [from, until]. */
  within(where: readonly (string | number)[], from: number, until: number): readonly Disturbance[] {
    return this.#all.filter((d) => where.includes(d.where) && d.from <= until && d.until >= from);
  }
}

/** Where a partition between two is written down. */
export function pair(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}
