import { describe, test } from "vitest";

/** One thing that every implementation must do. `run` throws when it does not. */
export interface ConformanceCase<Subject> {
  readonly name: string;
  /** What an implementation may lack: the case is then reported as skipped. */
  readonly needs?: string | undefined;
  readonly run: (subject: Subject) => void | Promise<void>;
}

/** Runs the cases as vitest tests, those that need what is lacking skipped. A name that no case needs is refused: it would hide a typing error. */
export function runCases<Subject>(
  title: string,
  cases: readonly ConformanceCase<Subject>[],
  subject: Subject,
  lacks: readonly string[] = [],
): void {
  for (const lack of lacks)
    if (!cases.some(({ needs }) => needs === lack)) throw new Error(`${title}: no case needs "${lack}"`);
  describe(title, () => {
    for (const { name, needs, run } of cases)
      test.skipIf(needs !== undefined && lacks.includes(needs))(name, async () => run(subject));
  });
}
