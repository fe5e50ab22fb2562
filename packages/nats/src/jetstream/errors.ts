/** What JetStream refuses, by its numbers; 503 where nobody takes the subject. */
const REFUSED = {
  nobody: [503],
  noJetStream: [503, 10_039, 10_076],
  noStream: [10_059],
  streamExists: [10_058],
  subjectsOverlap: [10_065],
  noConsumer: [10_014],
  consumerExists: [10_148],
  noMessage: [10_037],
  notLast: [10_071, 10_164],
} as const satisfies Readonly<Record<string, readonly number[]>>;

/** An error that JetStream answered. */
export class JetStreamError extends Error {
  /** As above, or another; 0 where it says none. */
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = "JetStreamError";
    this.code = code;
  }
}

export function isRefusal(error: unknown, kind: keyof typeof REFUSED): error is JetStreamError {
  return error instanceof JetStreamError && (REFUSED[kind] as readonly number[]).includes(error.code);
}
