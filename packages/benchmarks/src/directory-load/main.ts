import { type ChildProcess, fork } from "node:child_process";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { runMeasured } from "./measured.ts";
import {
  type Figures,
  type FromMeasured,
  type FromWriter,
  type Loading,
  quantile,
  type ToMeasured,
  type ToWriter,
} from "./messages.ts";
import { CENTRE, runCentre, startCentreProcess, startEtcd } from "./servers.ts";
import { runWriter } from "./writer.ts";

const helpText = `npm run bench:directory -- [--registry etcd,http] [--instances 10000] [--changes 100] [--seconds 20] [--runs 1]

One client, in a process of its own, that follows a service of many instances while some of them come, go and change. How long until calls are
picked by a change, and what that costs the process. With several runs: the median of each figure.
`;
const WRITER = "--writer";
const MEASURED = "--measured";
const SELF = fileURLToPath(import.meta.url);
/** Nobody answers later than this, but for the time that a command is meant to take, ms. */
const ANSWER_MS = 120_000;

interface Load {
  readonly instances: number;
  readonly changes: number;
  readonly seconds: number;
}
type Result = Loading &
  Figures & {
    readonly loadMs: number;
    readonly loadDelayMax: number;
    readonly perSecond: number;
    readonly writeP99: number;
    /** Of this process, which does next to nothing: the machine's own part. */
    readonly idleP99: number;
  };

// ——— processes

class Child<To extends object, From extends { readonly is: string }> {
  readonly #child: ChildProcess;
  onMessage: (message: From) => void = () => {};

  constructor(args: readonly string[], execArgv: readonly string[] = []) {
    this.#child = fork(SELF, [...args], { execArgv: [...execArgv] });
    this.#child.on("message", (message) => this.onMessage(message as From));
  }

  send(message: To): void {
    this.#child.send(message);
  }

  next<Is extends From["is"]>(is: Is, withinMs = 0): Promise<Extract<From, { readonly is: Is }>> {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no "${is}" in time`)), withinMs + ANSWER_MS);
      const exit = (code: number | null): void => done(() => reject(new Error(`a process ended: ${code}`)));
      const heard = (message: unknown): void => {
        if ((message as From).is === is) done(() => resolve(message as Extract<From, { readonly is: Is }>));
      };
      const done = (then: () => void): void => {
        clearTimeout(late);
        this.#child.off("exit", exit).off("message", heard);
        then();
      };
      this.#child.on("exit", exit).on("message", heard);
    });
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }
}

// ——— a run

async function measure(kind: string, load: Load): Promise<Result> {
  const server = kind === "etcd" ? await startEtcd() : await startCentreProcess(SELF);
  const writer = new Child<ToWriter, FromWriter>([WRITER, kind, server.http]);
  const measured = new Child<ToMeasured, FromMeasured>([MEASURED, kind, server.url], ["--expose-gc"]);
  try {
    await measured.next("ready");
    writer.send({ do: "fill", count: load.instances });
    await writer.next("filled");
    measured.send({ do: "open", count: load.instances });
    const { loading } = await measured.next("loaded");
    writer.onMessage = (message) => {
      if (message.is === "sample") measured.send({ do: "sample", sample: message.sample });
    };
    const idle = monitorEventLoopDelay({ resolution: 1 });
    idle.enable();
    measured.send({ do: "begin" });
    writer.send({ do: "change", perSecond: load.changes, seconds: load.seconds });
    const { truth, perSecond, writeP99 } = await writer.next("changed", load.seconds * 1000);
    const idleP99 = idle.percentile(99) / 1e6;
    measured.send({ do: "end", truth });
    const { figures } = await measured.next("done");
    const { tookMs: loadMs, delayMax: loadDelayMax } = loading;
    return { ...loading, ...figures, loadMs, loadDelayMax, perSecond, writeP99, idleP99 };
  } finally {
    writer.kill();
    measured.kill();
    await server.stop();
  }
}

// ——— the table

const ms = (value: number): string => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
const mb = (value: number): string => `${value.toFixed(0)} MB`;

interface Row {
  readonly what: string;
  readonly goal?: string;
  readonly figure: (of: (key: keyof Result) => number) => string;
}

const rows: readonly Row[] = [
  {
    what: "changes a second (answered after, p99)",
    figure: (of) => `${of("perSecond").toFixed(0)} (${ms(of("writeP99"))})`,
  },
  { what: "change to picks: p50", figure: (of) => ms(of("seenP50")) },
  { what: "change to picks: p99", goal: "≤ 1 s", figure: (of) => ms(of("seenP99")) },
  {
    what: "change to picks: max (samples, never seen)",
    goal: "≤ 1 s",
    figure: (of) => `${ms(of("seenMax"))} (${of("samples")}, ${of("missed")})`,
  },
  {
    what: "wrong in the whole view at the end (held)",
    goal: "0",
    figure: (of) => `${of("wrong")} (${of("held")})`,
  },
  { what: "event-loop delay p50", figure: (of) => ms(of("delayP50")) },
  { what: "event-loop delay p99", goal: "≤ 20 ms", figure: (of) => ms(of("delayP99")) },
  { what: "event-loop delay max", figure: (of) => ms(of("delayMax")) },
  { what: "  of an idle process beside it, p99", figure: (of) => ms(of("idleP99")) },
  { what: "CPU, of a core", figure: (of) => `${(100 * of("cpu")).toFixed(0)} %` },
  { what: "live heap over before", goal: "≤ 60 MB", figure: (of) => mb(of("heapMb")) },
  { what: "resident", figure: (of) => mb(of("rssMb")) },
  {
    what: "snapshots, views built a second",
    figure: (of) => `${of("snapshots").toFixed(0)}, ${of("updates").toFixed(0)}`,
  },
  { what: "calls (failed)", goal: "(0)", figure: (of) => `${of("calls")} (${of("failedCalls")})` },
  { what: "all known after", figure: (of) => ms(of("loadMs")) },
  { what: "  event-loop delay max meanwhile", figure: (of) => ms(of("loadDelayMax")) },
];

function table(results: ReadonlyMap<string, readonly Result[]>): string {
  const lines = [
    `${"".padEnd(46)}${"goal".padEnd(10)}${[...results.keys()].map((k) => k.padEnd(18)).join("")}`,
  ];
  for (const { what, goal = "", figure } of rows) {
    const cells = [...results.values()].map((runs) =>
      figure((key) =>
        quantile(
          runs.map((r) => r[key]),
          0.5,
        ),
      ),
    );
    lines.push(`${what.padEnd(46)}${goal.padEnd(10)}${cells.map((cell) => cell.padEnd(18)).join("")}`);
  }
  return `${lines.map((line) => line.trimEnd()).join("\n")}\n`;
}

/** @returns the exit code */
async function main(args: readonly string[]): Promise<number> {
  const number = (text: string): number => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < 1) throw new Error(`"${text}" is no whole number from 1 on`);
    return value;
  };
  const { values } = parseArgs({
    args: args.filter((arg) => arg !== "--"),
    options: {
      registry: { type: "string", default: "etcd,http" },
      instances: { type: "string", default: "10000" },
      changes: { type: "string", default: "100" },
      seconds: { type: "string", default: "20" },
      runs: { type: "string", default: "1" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(helpText);
    return 0;
  }
  const { instances, changes, seconds, runs } = values;
  const load: Load = { instances: number(instances), changes: number(changes), seconds: number(seconds) };
  process.stdout.write(
    `Node ${process.version}; ${instances} instances, ${changes} changes a second for ${seconds} s; median of ${runs}\n\n`,
  );
  const results = new Map<string, Result[]>();
  for (const kind of values.registry.split(",")) {
    if (kind !== "etcd" && kind !== "http")
      throw new Error(`there is no registry "${kind}": give etcd, http`);
    results.set(kind, []);
  }
  for (let run = 0; run < number(runs); run++)
    for (const [kind, all] of results) {
      all.push(await measure(kind, load));
      process.stderr.write(`${kind}: run ${run + 1} of ${runs}\n`);
    }
  process.stdout.write(table(results));
  return 0;
}

const [, , role = "", ...rest] = process.argv;
const [first = "", second = ""] = rest;
if (role === WRITER) await runWriter(first, second);
else if (role === MEASURED) runMeasured(first, second);
else if (role === CENTRE) await runCentre(first);
else process.exitCode = await main(process.argv.slice(2));
