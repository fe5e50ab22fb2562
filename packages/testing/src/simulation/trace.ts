/** What happened, a line each. One seed gives one text. */
export class Trace {
  readonly #lines: string[] = [];
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param who the process that did or met it */
  add(who: string, what: string): void {
    this.#lines.push(`${this.#now().toFixed(3).padStart(11)}  ${who}  ${what}`);
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  get text(): string {
    return `${this.#lines.join("\n")}\n`;
  }
}
