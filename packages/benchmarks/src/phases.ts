import type { Command } from "./load/protocol.ts";
import type { ReplySize } from "./load/service.ts";

/** What is measured of each adapter in each round. */
export type Phase =
  /** Closed loop, that many callers. */
  | { readonly kind: "conc"; readonly id: string; readonly conc: number }
  /** Open loop at half the rate that the adapter itself reached with 64 callers in this round. */
  | { readonly kind: "half"; readonly id: string }
  /** Closed loop with large replies. */
  | { readonly kind: "payload"; readonly id: string; readonly size: ReplySize; readonly conc: number }
  | { readonly kind: "stream"; readonly id: string };

export const phaseNames = ["conc", "half", "10k", "1m", "stream"] as const;
export type PhaseName = (typeof phaseNames)[number];

/** The concurrency whose rate `half` halves. */
const HALVED = 64;
const CONC_10K = 16;
const CONC_1M = 4;

const concPhase = (conc: number): Phase => ({ kind: "conc", id: `c${conc}`, conc });

/** In the order in which they run. `half` brings c64 along when that is not asked for. */
export function planPhases(names: readonly PhaseName[], concurrencies: readonly number[]): Phase[] {
  const plan: Phase[] = names.includes("conc") ? concurrencies.map(concPhase) : [];
  if (names.includes("half")) {
    if (!plan.some((p) => p.id === `c${HALVED}`)) plan.push(concPhase(HALVED));
    plan.push({ kind: "half", id: "half" });
  }
  if (names.includes("10k")) plan.push({ kind: "payload", id: "10k", size: "10k", conc: CONC_10K });
  if (names.includes("1m")) plan.push({ kind: "payload", id: "1m", size: "1m", conc: CONC_1M });
  if (names.includes("stream")) plan.push({ kind: "stream", id: "stream" });
  return plan;
}

export const isHalved = (phase: Phase): boolean => phase.kind === "conc" && phase.conc === HALVED;

/** @param halvedRate calls a second with 64 callers, for `half` */
export function phaseCommand(phase: Phase, seconds: number, halvedRate: number): Command {
  switch (phase.kind) {
    case "conc":
      return { cmd: "closed", conc: phase.conc, seconds, kind: "small" };
    case "half":
      return { cmd: "open", rate: halvedRate / 2, seconds, kind: "small" };
    case "payload":
      return { cmd: "closed", conc: phase.conc, seconds, kind: phase.size };
    case "stream":
      return { cmd: "stream", seconds, kind: "small" };
  }
}

export function aboutPhase(phase: string): string {
  if (/^c\d+$/.test(phase)) return `small replies, ${phase.slice(1)} in flight over one client`;
  const about: Record<string, string> = {
    half: "small replies, sent at half of the adapter's own rate at 64 in flight",
    "10k": `replies of 10 KB, ${CONC_10K} in flight`,
    "1m": `replies of 1 MiB, ${CONC_1M} in flight`,
    stream: "messages of one server stream, read as fast as they come",
  };
  return about[phase] ?? phase;
}
