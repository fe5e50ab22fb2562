/** A call as its caller knows it. Times are of the machine's clock, ms since 1970 with a fraction. */
export interface CallRecord {
  readonly id: string;
  readonly method: string;
  readonly idempotent: boolean;
  /** When it should have been made: latencies count from here, so that a caller that is late hides nothing. */
  readonly intendedAt: number;
  readonly sentAt: number;
  readonly endedAt: number;
  readonly timeoutMs: number;
  /** How long its caller had no processor after its deadline had passed: so much later it ended, ms. @default 0 */
  readonly starvedMs?: number;
  /** What its answer should be, but for who gives it. */
  readonly answer?: unknown;
  readonly error?: CallFailure | undefined;
}

export interface CallFailure {
  readonly code: string;
  readonly message: string;
  readonly executed: "no" | "maybe" | "yes";
}

/** A handler that was entered, as the server wrote it down. */
export interface Execution {
  readonly call: string;
  /** `pid:n`, unique: it comes back in the answer. */
  readonly by: string;
  readonly method: string;
  readonly at: number;
  /** Of the call, when the handler was entered, ms. */
  readonly timeLeftMs: number;
}

/** What a handler of the ledger's service answers. */
export interface Receipt {
  readonly call: string;
  /** The execution that gave it. */
  readonly by: string;
}
