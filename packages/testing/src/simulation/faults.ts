/** What goes wrong. Where nothing else is said: the probability that it happens in a second, somewhere in the world. */
export interface Faults {
  /** A server is killed, and starts again after 0.1 to 5 s. @default 0.04 */
  readonly crash: number;
  /** As `crash`, but nobody is told: its peers must find out by its silence. @default 0.02 */
  readonly powerLoss: number;
  /** A server is stopped in order (SIGTERM), and starts again. @default 0.04 */
  readonly stop: number;
  /** A process, client or server, stands still for 0.1 to 8 s. @default 0.06 */
  readonly pause: number;
  /** Two processes, or a process and the registry, do not reach each other for 0.2 to 8 s; one way or both. @default 0.06 */
  readonly partition: number;
  /** A connection is reset. @default 0.1 */
  readonly reset: number;
  /** A connection falls silent for good, one way or both, and nobody is told. @default 0.03 */
  readonly halfOpen: number;
  /** The registry is down, failing, slow or stale for 0.5 to 10 s. @default 0.06 */
  readonly registry: number;
  /** The registry loses its data. @default 0.02 */
  readonly wipe: number;
  /** The probability that a packet is lost: what it carried comes 0.2 s later, or 0.6 s, … @default 0.005 */
  readonly drop: number;
  /** Least and most that a packet travels, ms; most take little. @default [0.1, 20] */
  readonly delayMs: readonly [number, number];
}

export const DEFAULT_FAULTS: Faults = {
  crash: 0.04,
  powerLoss: 0.02,
  stop: 0.04,
  pause: 0.06,
  partition: 0.06,
  reset: 0.1,
  halfOpen: 0.03,
  registry: 0.06,
  wipe: 0.02,
  drop: 0.005,
  delayMs: [0.1, 20],
};

export const NO_FAULTS: Faults = {
  crash: 0,
  powerLoss: 0,
  stop: 0,
  pause: 0,
  partition: 0,
  reset: 0,
  halfOpen: 0,
  registry: 0,
  wipe: 0,
  drop: 0,
  delayMs: [0.1, 5],
};

/** @throws TypeError when one is wrong, naming it */
export function resolveFaults(given: Partial<Faults> | false | undefined): Faults {
  if (given === false) return NO_FAULTS;
  const faults = { ...DEFAULT_FAULTS, ...given };
  for (const [name, value] of Object.entries(faults)) {
    if (!(name in DEFAULT_FAULTS))
      throw new TypeError(
        `simulate: faults.${name} is not known: there are ${Object.keys(DEFAULT_FAULTS).join(", ")}`,
      );
    if (name !== "delayMs" && !(typeof value === "number" && value >= 0 && value <= 1))
      throw new TypeError(`simulate: faults.${name} is ${String(value)}: give a probability, 0 to 1`);
  }
  const [least, most] = faults.delayMs;
  if (!(least >= 0 && least <= most))
    throw new TypeError(`simulate: faults.delayMs is [${least}, ${most}]: give the least and the most, ms`);
  return faults;
}
