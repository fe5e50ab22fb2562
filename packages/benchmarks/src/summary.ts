import { type BenchResults, type Measurement, totalCpuUs } from "./results.ts";
import { median, quantile } from "./statistics.ts";

/** A figure against the same one of the base: the median of the ratios within each round, and their quartiles. */
export interface Ratio {
  readonly median: number;
  readonly low: number;
  readonly high: number;
}

/** An adapter in a phase, over all rounds. Times are microseconds, medians over the rounds. */
export interface Row {
  readonly adapter: string;
  readonly phase: string;
  readonly rounds: number;
  readonly errors: number;
  readonly rate: number;
  readonly rateRatio: Ratio;
  readonly serverCpuUs: number;
  readonly clientCpuUs: number;
  readonly cpuRatio: Ratio;
  /** Undefined where latency is not measured: with more than one caller in a closed loop, and for streams. */
  readonly latency?: { readonly p50: number; readonly p99: number; readonly p999: number };
  readonly p50Ratio?: Ratio;
  readonly p99Ratio?: Ratio;
  readonly serverRssMb: number;
  readonly clientRssMb: number;
  readonly others: number;
}

type Figure = (m: Measurement) => number;
export const rateOf: Figure = (m) => m.rate;
const p50Of: Figure = (m) => m.latency?.p50 ?? Number.NaN;
const p99Of: Figure = (m) => m.latency?.p99 ?? Number.NaN;

const select = (results: BenchResults, adapter: string, phase: string): Measurement[] =>
  results.measurements.filter((m) => m.adapter === adapter && m.phase === phase);

/** Rounds in which only one of the two was measured do not count. */
export function ratio(
  results: BenchResults,
  adapter: string,
  base: string,
  phase: string,
  figure: Figure,
): Ratio {
  const bases = select(results, base, phase);
  const ratios = select(results, adapter, phase).map((m) => {
    const other = bases.find((b) => b.start === m.start && b.round === m.round);
    return other ? figure(m) / figure(other) : Number.NaN;
  });
  return { median: median(ratios), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) };
}

/** By phase, then by adapter, both in the order in which they were measured. */
export function summarise(results: BenchResults): Row[] {
  const phases = [...new Set(results.measurements.map((m) => m.phase))];
  return phases.flatMap((phase) =>
    results.adapters.flatMap((adapter) => {
      const measured = select(results, adapter, phase);
      return measured.length === 0 ? [] : [summariseOne(results, adapter, phase, measured)];
    }),
  );
}

function summariseOne(results: BenchResults, adapter: string, phase: string, measured: Measurement[]): Row {
  const mid = (figure: Figure): number => median(measured.map(figure));
  const against = (figure: Figure): Ratio => ratio(results, adapter, results.base, phase, figure);
  const hasLatency = measured.some((m) => m.latency);
  return {
    adapter,
    phase,
    rounds: measured.length,
    errors: measured.reduce((sum, m) => sum + m.errors, 0),
    rate: mid(rateOf),
    rateRatio: against(rateOf),
    serverCpuUs: mid((m) => m.serverCpuUs),
    clientCpuUs: mid((m) => m.clientCpuUs),
    cpuRatio: against(totalCpuUs),
    ...(hasLatency
      ? {
          latency: { p50: mid(p50Of), p99: mid(p99Of), p999: mid((m) => m.latency?.p999 ?? Number.NaN) },
          p50Ratio: against(p50Of),
          p99Ratio: against(p99Of),
        }
      : {}),
    serverRssMb: mid((m) => m.serverRssMb),
    clientRssMb: mid((m) => m.clientRssMb),
    others: mid((m) => m.others),
  };
}

/** Several runs of the same kind taken together: their starts are counted on. */
export function mergeResults(runs: readonly BenchResults[]): BenchResults {
  const [first] = runs;
  if (!first) throw new Error("there are no results to merge");
  let starts = 0;
  const measurements = runs.flatMap((run) => {
    const offset = starts;
    starts += run.starts;
    return run.measurements.map((m) => ({ ...m, start: m.start + offset }));
  });
  return {
    ...first,
    starts,
    adapters: [...new Set(runs.flatMap((run) => run.adapters))],
    measurements,
    absent: runs.flatMap((run) => run.absent),
  };
}
