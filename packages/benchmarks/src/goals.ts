import { BASE, NATS_BASE } from "./catalogue.ts";
import { type BenchResults, totalCpuUs } from "./results.ts";
import { rateOf, ratio } from "./summary.ts";

/** Where Skein means to be. A statement to print beside what was measured, never a test: rates move with the machine. */
export interface Goal {
  readonly about: string;
  readonly phase: string;
  /** Each of them is compared with; the worst ratio counts ("the better of the two"). */
  readonly against: readonly string[];
  readonly figure: "rate" | "cpu";
  readonly bound: number;
  /** @default "skein" */
  readonly ours?: string;
}

export interface GoalReached extends Goal {
  readonly ratio: number;
  readonly reached: boolean;
}

const OURS = "skein";

const base = (about: string, phase: string, figure: Goal["figure"], bound: number): Goal => ({
  about,
  phase,
  against: [BASE],
  figure,
  bound,
});
const peer = (about: string, against: readonly string[], figure: Goal["figure"], bound: number): Goal => ({
  about,
  phase: "c64",
  against,
  figure,
  bound,
});

const nats = (about: string, phase: string, against: string, bound: number): Goal => ({
  about: `over NATS: ${about}`,
  phase,
  against: [against],
  figure: "rate",
  bound,
  ours: "skein:nats",
});

export const goals: readonly Goal[] = [
  base("the limit, 64 in flight: rate", "c64", "rate", 0.85),
  base("the limit, 64 in flight: CPU a call", "c64", "cpu", 1.2),
  base("the limit, 512 in flight: rate", "c512", "rate", 0.75),
  base("the limit, 1 in flight: rate", "c1", "rate", 0.9),
  base("the limit, 10 KB: rate", "10k", "rate", 0.9),
  base("the limit, 1 MiB: rate", "1m", "rate", 0.85),
  base("the limit, one stream: rate", "stream", "rate", 1),
  peer("the better of Moleculer and Nest over TCP: rate", ["moleculer", "nest"], "rate", 5),
  peer("the better of Moleculer and Nest over TCP: CPU a call", ["moleculer", "nest"], "cpu", 1 / 5),
  peer("Go net/rpc: rate", ["go-netrpc"], "rate", 3),
  peer("grpc-go: rate", ["go-grpc"], "rate", 6),
  peer("grpc-js: rate", ["grpc-js"], "rate", 20),
  nats("request/reply by hand, 64 in flight: rate", "c64", NATS_BASE, 1.5),
  nats("request/reply by hand, 1 in flight: rate", "c1", NATS_BASE, 0.9),
  nats("Moleculer, one stream: rate", "stream", "moleculer:nats", 3),
];

/** Only those whose both sides were measured. */
export function judgeGoals(results: BenchResults): GoalReached[] {
  return goals.flatMap((goal) => {
    const figure = goal.figure === "rate" ? rateOf : totalCpuUs;
    const ratios = goal.against.map(
      (other) => ratio(results, goal.ours ?? OURS, other, goal.phase, figure).median,
    );
    const worst = goal.figure === "rate" ? Math.min(...ratios) : Math.max(...ratios);
    if (Number.isNaN(worst)) return [];
    const reached = goal.figure === "rate" ? worst >= goal.bound : worst <= goal.bound;
    return [{ ...goal, ratio: worst, reached }];
  });
}
