import type { SelectionPolicy } from "./client/resolve-policy.ts";
import type { Instance } from "./instance.ts";
import type { Logger } from "./runtime.ts";

/** How its connection fares. Only `ready` ones are sent to; `idle` and `connecting` ones are made ready by being picked. */
export type CandidateState = "idle" | "connecting" | "ready" | "suspect" | "draining";

/** An instance that a call may go to; the client's own object, handed back by a pick. */
export interface Candidate {
  readonly instance: Instance;
  readonly state: CandidateState;
}

/** Chooses an instance for each call. Statistics persist by instance id from one update to the next. */
export interface Selector<C extends Candidate = Candidate> {
  /** Told when the set or a state changes, never per call; builds what picks need. The picker replaces the one before. */
  update(candidates: readonly C[]): Picker<C>;
}

export interface Picker<C extends Candidate = Candidate> {
  /**
   * Never blocks and allocates nothing. Counts a call in flight on what it returns: each pick is followed by exactly one done().
   * Undefined: no candidate but the excluded ones. The result is a lasting object, one an instance.
   */
  pick(call: PickRequest): Pick<C> | undefined;
}

export interface PickRequest {
  readonly method: string;
  /** For selectors that keep a key on an instance. */
  readonly key: string | undefined;
  /** Ids of instances that were tried already. */
  readonly exclude: ReadonlySet<string> | undefined;
  /** clock.monotonic(), ms. */
  readonly now: number;
}

export interface Pick<C extends Candidate = Candidate> {
  readonly candidate: C;
  /**
   * The call ended. Plain arguments: no object a call.
   * @param startedAt when it was picked, ms (PickRequest.now)
   * @param now ms
   * @param failed by the instance's fault: transport, timeout, overload, INTERNAL; never a user's error. Undefined: the call says nothing of
   * the instance, as it was never sent there or was given up before it ended
   * @param load as the server reported in its trailer: microseconds of queue, 0 when unknown
   */
  done(startedAt: number, now: number, failed: boolean | undefined, load: number): void;
}

export interface SelectorOptions {
  /** Uniform in [0, 1). */
  random(): number;
  /** Where the client runs. @default not known */
  readonly zone?: string | undefined;
  /** Its lines say which service they are about. @default none are written */
  readonly logger?: Logger | undefined;
  /** What the client's policy says of leaving instances alone, for those who do. @default as DEFAULT_POLICY says */
  readonly policy?: SelectionPolicy | undefined;
}

export type SelectorFactory = (options: SelectorOptions) => Selector<Candidate>;
