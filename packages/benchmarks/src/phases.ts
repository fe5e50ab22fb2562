import type { Command } from "./load/protocol.ts";
import type { ReplySize } from "./load/service.ts";

/** What is measured of each adapter in each round. */
export type Phase =
  /** Closed loop, that many callers. */
  | { readonly kind: "conc"; readonly id: string; readonly conc: number; readonly size: ReplySize }
  /** Open loop at half the rate that the adapter itself reached with 64 callers in this round. */
  | { readonly kind: "half"; readonly id: string; readonly size: ReplySize }
  /** Closed loop with large replies. */
  | { readonly kind: "payload"; readonly id: string; readonly size: ReplySize; readonly conc: number }
  | { readonly kind: "stream"; readonly id: string; readonly size: ReplySize };

export const phaseNames = ["conc", "half", "10k", "900k", "1m", "stream"] as const;
export type PhaseName = (typeof phaseNames)[number];

/** What a NATS server takes by default, 1 MiB, has no room for a reply of 1 MiB. */
export const defaultPhases: readonly PhaseName[] = ["conc", "half", "10k", "1m", "stream"];
export const natsPhases: readonly PhaseName[] = ["conc", "10k", "900k", "stream"];

/** The concurrency whose rate `half` halves. */
const HALVED = 64;
const CONC_10K = 16;
/** Of 900 KB and 1 MiB. */
const CONC_1M = 4;

/**
 * In the order in which they run. `half` brings c64 along when that is not asked for.
 * @param size of the replies where the phase has no size of its own
 */
export function planPhases(
  names: readonly PhaseName[],
  concurrencies: readonly number[],
  size: ReplySize,
): Phase[] {
  const concPhase = (conc: number): Phase => ({ kind: "conc", id: `c${conc}`, conc, size });
  const plan: Phase[] = names.includes("conc") ? concurrencies.map(concPhase) : [];
  if (names.includes("half")) {
    if (!plan.some((p) => p.id === `c${HALVED}`)) plan.push(concPhase(HALVED));
    plan.push({ kind: "half", id: "half", size });
  }
  if (names.includes("10k")) plan.push({ kind: "payload", id: "10k", size: "10k", conc: CONC_10K });
  if (names.includes("900k")) plan.push({ kind: "payload", id: "900k", size: "900k", conc: CONC_1M });
  if (names.includes("1m")) plan.push({ kind: "payload", id: "1m", size: "1m", conc: CONC_1M });
  if (names.includes("stream")) plan.push({ kind: "stream", id: "stream", size });
  return plan;
}

export const isHalved = (phase: Phase): boolean => phase.kind === "conc" && phase.conc === HALVED;

/** @param halvedRate calls a second with 64 callers, for `half` */
export function phaseCommand(phase: Phase, seconds: number, halvedRate: number): Command {
  switch (phase.kind) {
    case "conc":
      return { cmd: "closed", conc: phase.conc, seconds, kind: phase.size };
    case "half":
      return { cmd: "open", rate: halvedRate / 2, seconds, kind: phase.size };
    case "payload":
      return { cmd: "closed", conc: phase.conc, seconds, kind: phase.size };
    case "stream":
      return { cmd: "stream", seconds, kind: phase.size };
  }
}

export function aboutPhase(phase: string): string {
  if (/^c\d+$/.test(phase)) return `small replies, ${phase.slice(1)} in flight over one client`;
  const about: Record<string, string> = {
    half: "small replies, sent at half of the adapter's own rate at 64 in flight",
    "10k": `replies of 10 KB, ${CONC_10K} in flight`,
    "900k": `replies of 900 KB, ${CONC_1M} in flight`,
    "1m": `replies of 1 MiB, ${CONC_1M} in flight`,
    stream: "messages of one server stream, read as fast as they come",
  };
  return about[phase] ?? phase;
}
