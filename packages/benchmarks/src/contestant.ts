import { cpus } from "node:os";
import { type AdapterChoice, adapterModule, loadProgram, runsFromSource, speaksNats } from "./catalogue.ts";
import { type Child, startChild } from "./child.ts";
import type { Info, LoadResult, Usage } from "./load/protocol.ts";
import { goBinary } from "./peers.ts";
import { isHalved, type Phase, phaseCommand } from "./phases.ts";
import { freePorts } from "./ports.ts";
import type { Measurement } from "./results.ts";

/** Warm-up goes on until this many calls, so that slow and fast peers are compiled alike … */
const WARM_CALLS = 20_000;
/** … or until it has been repeated this often. */
const WARM_REPEATS = 8;

/** One adapter running: its server, its client, a process each. */
export interface Contestant {
  readonly id: string;
  warmUp(phases: readonly Phase[], seconds: number): Promise<void>;
  /** Undefined: the adapter has no such thing (streams). */
  measure(phase: Phase, seconds: number): Promise<Omit<Measurement, "start" | "round"> | undefined>;
  close(): Promise<void>;
}

/**
 * @param nodeBinary the Node that runs it
 * @param nats URL of the run's server, where there is one
 */
export async function startContestant(
  choice: AdapterChoice,
  nodeBinary: string,
  nats: string,
): Promise<Contestant> {
  const { needs } = choice.entry;
  const [port, sparePort] = await freePorts(2);
  const launch = (role: "server" | "client"): Promise<Child> => {
    if (needs.kind === "go") return startChild(goBinary, [role, needs.service, String(port)]);
    const fromSource = runsFromSource ? ["--import", "tsx", "--conditions=skein-source"] : [];
    const program = [
      loadProgram(role),
      adapterModule(choice),
      String(port),
      String(sparePort),
      choice.variant,
      nats,
    ];
    return startChild(nodeBinary, [...fromSource, ...program]);
  };
  const server = await launch("server");
  try {
    const client = await launch("client");
    const info = await client.ask<Info>({ cmd: "info" });
    return contestant(choice, server, client, info);
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function contestant(choice: AdapterChoice, server: Child, client: Child, info: Info): Contestant {
  const { id } = choice;
  let halvedRate = 0;
  const can = (phase: Phase): boolean =>
    (phase.kind !== "stream" || info.stream) && !(phase.size === "1m" && speaksNats(choice));
  return {
    id,
    async warmUp(phases, seconds) {
      for (let calls = 0, i = 0; calls < WARM_CALLS && i < WARM_REPEATS; i++) {
        const result = await client.ask<LoadResult>({ cmd: "closed", conc: 64, seconds, kind: "small" });
        if (result.calls === 0)
          throw new Error(`no call succeeded: ${result.lastError ?? "no reason given"}`);
        calls += result.calls;
      }
      for (const phase of phases)
        if ((phase.kind === "payload" || phase.kind === "stream") && can(phase))
          await client.ask<LoadResult>(phaseCommand(phase, seconds / 2, 0));
    },
    async measure(phase, seconds) {
      if (!can(phase)) return undefined;
      const before = await readUsage(server, client);
      const result = await client.ask<LoadResult>(phaseCommand(phase, seconds, halvedRate));
      const after = await readUsage(server, client);
      if (result.calls === 0)
        throw new Error(`${phase.id}: no call succeeded: ${result.lastError ?? "no reason given"}`);
      if (isHalved(phase)) halvedRate = result.rate;
      const serverCpu = after.server.cpuUs - before.server.cpuUs;
      const clientCpu = after.client.cpuUs - before.client.cpuUs;
      const total = after.machine.total - before.machine.total;
      const busy = after.machine.busy - before.machine.busy;
      return {
        adapter: id,
        phase: phase.id,
        calls: result.calls,
        errors: result.errors,
        ...(result.lastError === undefined ? {} : { lastError: result.lastError }),
        rate: result.rate,
        ...(result.latency ? { latency: result.latency } : {}),
        serverCpuUs: serverCpu / result.calls,
        clientCpuUs: clientCpu / result.calls,
        serverRssMb: after.server.rssBytes / 2 ** 20,
        clientRssMb: after.client.rssBytes / 2 ** 20,
        others: total > 0 ? Math.max(0, (busy - serverCpu - clientCpu) / total) : 0,
      };
    },
    async close() {
      await client.stop();
      await server.stop();
    },
  };
}

interface UsageOfAll {
  readonly server: Usage;
  readonly client: Usage;
  readonly machine: { readonly busy: number; readonly total: number };
}

async function readUsage(server: Child, client: Child): Promise<UsageOfAll> {
  return {
    server: await server.ask<Usage>({ cmd: "usage" }),
    client: await client.ask<Usage>({ cmd: "usage" }),
    machine: machineTime(),
  };
}

/** Of all cores together since boot, microseconds. */
function machineTime(): { busy: number; total: number } {
  let busy = 0;
  let idle = 0;
  for (const { times } of cpus()) {
    busy += times.user + times.nice + times.sys + times.irq;
    idle += times.idle;
  }
  return { busy: busy * 1000, total: (busy + idle) * 1000 };
}
