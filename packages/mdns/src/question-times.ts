/** Who asks for the first time asks often: of questions and of answers one in three may be lost. Ms after the first. */
const AT_FIRST = [0, 100, ...Array.from({ length: 13 }, (_, n) => 250 + n * 200)] as const;
/** Then twice as long each time, ms. */
const LATER_MS = 5000;
const MOST_MS = 60_000;
const JITTER = 0.1;
/** So many answer at once: asking them often is a burden, and asking again at once after three rounds without news needless. */
const MANY = 100;
const QUIET_ROUNDS = 3;

/** When to ask for a service's instances. */
export class QuestionTimes {
  readonly #random: () => number;
  #asked = 0;
  #quiet = 0;
  #later = LATER_MS / 2;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** A question was just asked: ms until the next. @param news whether there was any since the last, @param known how many are */
  next(news: boolean, known: number): number {
    this.#quiet = news ? 0 : this.#quiet + 1;
    if (known > MANY && this.#quiet >= QUIET_ROUNDS) this.#asked = AT_FIRST.length;
    const [before, after] = [AT_FIRST[this.#asked], AT_FIRST[this.#asked + 1]];
    this.#asked++;
    if (before !== undefined && after !== undefined) return after - before;
    this.#later = Math.min(MOST_MS, this.#later * 2);
    return this.#later * (1 - JITTER + 2 * JITTER * this.#random());
  }
}
