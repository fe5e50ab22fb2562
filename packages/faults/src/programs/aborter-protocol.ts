/** In FAULTS_ABORTER, as JSON. */
export interface AborterSettings {
  /** Callers leave without their calls being told. */
  readonly deaf: boolean;
}

export interface AbortOrder {
  /** Of its calls' ids. */
  readonly prefix: string;
  readonly count: number;
  /** Where its records are written to, as JSON. */
  readonly file: string;
}

/** What it is like afterwards, a plain call later. */
export interface Aborted {
  readonly kind: "aborted";
  readonly heapBytes: number;
  /** Calls that have not ended, as the client counts them. */
  readonly pending: number;
  /** That of the plain call. */
  readonly answered: boolean;
}
