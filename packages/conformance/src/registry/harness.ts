import type { Lease, Registry, Runtime } from "@skein/core";
import type { Watched } from "./watched.ts";

/** What a backend can do. What it lacks is reported as skipped. @default all true */
export interface RegistryAbilities {
  /** Records can be put. */
  readonly writes: boolean;
  /** Records end by themselves when their lease is not renewed. */
  readonly expires: boolean;
  /** Two clients of one registry see each other. */
  readonly shared: boolean;
  /** Records of others can be planted, to see that malformed ones are skipped: `plantMalformed`. */
  readonly plantable: boolean;
  /** Leases can be taken away behind their owner's back: `revoke`. */
  readonly revocable: boolean;
  /** The way to the registry can be cut: `cut` and `heal`. */
  readonly cuttable: boolean;
}

/** A registry under test, made anew for each case. */
export interface RegistryHarness {
  readonly abilities?: Partial<RegistryAbilities>;
  /** Of which `pass` lets time go by. */
  readonly runtime: Runtime;
  /** Another client of the same store each time; all are closed by `close`. */
  connect(): Promise<Registry> | Registry;
  /** Shortest TTL that the backend can hold, ms. */
  readonly ttlMs: number;
  /** Lets so many ms pass: really, or on a fake clock. */
  pass(ms: number): Promise<void>;
  /** Plants records that are none, of this service; resolves with how many. */
  plantMalformed?(service: string): Promise<number>;
  /** Ends all leases and their records, as an operator would, or a store that lost its data. */
  revoke?(): Promise<void>;
  /** From now on the registry can't be reached; what it holds stays. */
  cut?(): Promise<void>;
  heal?(): Promise<void>;
  close(): Promise<void>;
}

/** What a case has to work with. */
export interface RegistryWorld {
  readonly harness: RegistryHarness;
  readonly registry: Registry;
  /** A lease of `registry`; another one each time. Nobody renews it. @param ttlMs raised to the harness's @default LONG_TTL_MS */
  lease(ttlMs?: number): Promise<Lease>;
  /** A watch that is read as it comes, ended with the case. */
  watch(service: string, of?: Registry): Watched;
  /** Another client of the same store. */
  other(): Promise<Registry>;
}

export interface RegistryCase {
  readonly name: string;
  readonly needs?: readonly (keyof RegistryAbilities)[];
  run(world: RegistryWorld): Promise<void>;
}

/** Of a lease whose end is not what is tried: longer than any case takes, however slow the machine is, ms. */
export const LONG_TTL_MS = 60_000;
/** What is seen by another at once is seen within this, ms. */
export const SOON_MS = 3000;
/** After a crash the record is gone by TTL and so much more, ms. */
export const EXPIRY_SLACK_MS = 1500;
