import { availableParallelism } from "node:os";
import { type AdapterChoice, chooseAdapter, speaksNats } from "./catalogue.ts";
import { type Contestant, startContestant } from "./contestant.ts";
import type { ReplySize } from "./load/service.ts";
import { type NatsServer, startNatsServer } from "./nats-server.ts";
import { preparePeer } from "./peers.ts";
import { type PhaseName, planPhases } from "./phases.ts";
import type { Absence, BenchResults, Measurement } from "./results.ts";

export interface RunOptions {
  /** `name` or `name:variant`; see the catalogue. */
  readonly adapters: readonly string[];
  /** The adapter that ratios are taken against. */
  readonly base: string;
  /** How often all processes are started anew: each may settle in a state of its own. */
  readonly starts: number;
  /** Rounds of each start. */
  readonly rounds: number;
  /** Length of a slice: one adapter, one phase. */
  readonly seconds: number;
  /** Length of a warm-up slice, repeated up to 8 times until 20,000 calls. */
  readonly warmSeconds: number;
  readonly concurrencies: readonly number[];
  readonly phases: readonly PhaseName[];
  /** Of replies, in the phases that have no size of their own. @default "small" */
  readonly size?: ReplySize;
  /** The Node that runs the adapters. */
  readonly nodeBinary: string;
  /** One line of progress. */
  readonly log: (line: string) => void;
}

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * All adapters live at once and take turns in short slices, phase by phase (A B C A B C …, each round begins with another one):
 * what else the machine does falls on all alike, and a ratio is taken within a round.
 * An adapter that cannot be had or breaks is named in the results and does not stop the others.
 */
export async function runBench(options: RunOptions): Promise<BenchResults> {
  const absent: Absence[] = [];
  const measurements: Measurement[] = [];
  const present: AdapterChoice[] = [];
  let nats: Promise<NatsServer> | undefined;
  for (const choice of options.adapters.map(chooseAdapter))
    try {
      if (speaksNats(choice)) {
        nats ??= startNatsServer();
        await nats;
      }
      await preparePeer(choice, options.log);
      present.push(choice);
    } catch (error) {
      absent.push({ adapter: choice.id, kind: "skipped", reason: reason(error) });
      options.log(`skipped ${choice.id}: ${reason(error)}`);
    }
  const server = await nats?.catch(() => undefined);
  try {
    for (let start = 1; start <= options.starts; start++)
      await runStart({ ...options, nats: server?.url ?? "" }, present, start, measurements, absent);
  } finally {
    await server?.stop();
  }
  return {
    at: new Date().toISOString(),
    node: options.nodeBinary === process.execPath ? process.version : options.nodeBinary,
    cores: availableParallelism(),
    starts: options.starts,
    rounds: options.rounds,
    seconds: options.seconds,
    base: options.base,
    adapters: options.adapters,
    measurements,
    absent,
  };
}

async function runStart(
  options: RunOptions & { readonly nats: string },
  present: readonly AdapterChoice[],
  start: number,
  measurements: Measurement[],
  absent: Absence[],
): Promise<void> {
  const phases = planPhases(options.phases, options.concurrencies, options.size ?? "small");
  let live: Contestant[] = [];
  const failed = async (id: string, error: unknown, contestant?: Contestant): Promise<void> => {
    absent.push({ adapter: id, kind: "failed", reason: reason(error) });
    options.log(`failed ${id}: ${reason(error)}`);
    live = live.filter((c) => c !== contestant);
    await contestant?.close();
  };
  try {
    for (const choice of present) {
      let contestant: Contestant | undefined;
      try {
        contestant = await startContestant(choice, options.nodeBinary, options.nats);
        live.push(contestant);
        await contestant.warmUp(phases, options.warmSeconds);
        options.log(`start ${start}/${options.starts}: ${choice.id} is warm`);
      } catch (error) {
        await failed(choice.id, error, contestant);
      }
    }
    for (let round = 1; round <= options.rounds; round++) {
      for (const phase of phases)
        for (const contestant of rotate(live, round))
          try {
            const measured = await contestant.measure(phase, options.seconds);
            if (measured) measurements.push({ start, round, ...measured });
          } catch (error) {
            await failed(contestant.id, error, contestant);
          }
      options.log(`start ${start}/${options.starts}: round ${round}/${options.rounds} done`);
    }
  } finally {
    await Promise.all(live.map((contestant) => contestant.close()));
  }
}

/** A copy that begins with another element each time. */
function rotate<T>(list: readonly T[], by: number): T[] {
  const at = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
