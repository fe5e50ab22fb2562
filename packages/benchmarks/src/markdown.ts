import { type GoalReached, judgeGoals } from "./goals.ts";
import { aboutPhase } from "./phases.ts";
import type { BenchResults } from "./results.ts";
import { type Ratio, type Row, summarise } from "./summary.ts";

const number = (value: number | undefined, digits = 0): string =>
  value === undefined || !Number.isFinite(value) ? "–" : value.toFixed(digits);

/** Three significant digits where a ratio is small, two decimals else. */
const times = (value: number | undefined): string =>
  number(
    value,
    value !== undefined && Math.abs(value) < 0.1 ? 4 : value !== undefined && value >= 10 ? 1 : 2,
  );

const withQuartiles = (r: Ratio): string => `${times(r.median)} [${times(r.low)}–${times(r.high)}]`;

const row = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
const header = (cells: readonly string[]): string =>
  `${row(cells)}\n|${cells.map((_, i) => (i === 0 ? "---" : "--:")).join("|")}|`;

/** The whole report: ratios in one table, goals, each phase with its figures, and what is missing. */
export function renderMarkdown(results: BenchResults): string {
  const rows = summarise(results);
  const parts = [introduction(results), ratioTable(results, rows)];
  const judged = judgeGoals(results);
  if (judged.length > 0) parts.push(goalTable(judged));
  for (const phase of new Set(rows.map((r) => r.phase)))
    parts.push(
      phaseTable(
        phase,
        rows.filter((r) => r.phase === phase),
      ),
    );
  if (results.absent.length > 0)
    parts.push(
      ["## Missing", ...results.absent.map((a) => `- ${a.adapter} ${a.kind}: ${oneLine(a.reason)}`)].join(
        "\n",
      ),
    );
  return `${parts.join("\n\n")}\n`;
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").slice(0, 300);

function introduction(results: BenchResults): string {
  const { node, cores, starts, rounds, seconds, base, at } = results;
  return [
    `Node ${node}, ${cores} cores, ${starts} ${starts === 1 ? "start" : "starts"} × ${rounds} rounds × ${seconds} s, ${at}.`,
    `Ratios are medians over the rounds of what was measured within the same round against \`${base}\`.`,
    "Only ratios of one run mean anything: absolute figures move with the machine and with what else it does.",
  ].join("\n");
}

interface Column {
  readonly title: string;
  readonly phase: string;
  readonly value: (row: Row) => number | undefined;
}

const rate = (title: string, phase: string): Column => ({ title, phase, value: (r) => r.rateRatio.median });

function columns(phases: ReadonlySet<string>): Column[] {
  const concurrent = [...phases].filter((p) => /^c\d+$/.test(p));
  const loaded = phases.has("c64") ? "c64" : concurrent.at(-1);
  const all: Column[] = [
    ...concurrent.map((p) => rate(`${p.slice(1)} in flight`, p)),
    ...(loaded
      ? [{ title: `CPU at ${loaded.slice(1)}`, phase: loaded, value: (r: Row) => r.cpuRatio.median }]
      : []),
    { title: "p50 at 1", phase: "c1", value: (r) => r.p50Ratio?.median },
    { title: "p99 at 1", phase: "c1", value: (r) => r.p99Ratio?.median },
    { title: "p50 at half load", phase: "half", value: (r) => r.p50Ratio?.median },
    { title: "p99 at half load", phase: "half", value: (r) => r.p99Ratio?.median },
    rate("10 KB", "10k"),
    rate("900 KB", "900k"),
    rate("1 MiB", "1m"),
    rate("stream", "stream"),
  ];
  return all.filter((c) => phases.has(c.phase));
}

function ratioTable(results: BenchResults, rows: readonly Row[]): string {
  const shown = columns(new Set(rows.map((r) => r.phase)));
  const lines = results.adapters
    .filter((adapter) => rows.some((r) => r.adapter === adapter))
    .map((adapter) =>
      row([
        adapter,
        ...shown.map((column) => {
          const found = rows.find((r) => r.adapter === adapter && r.phase === column.phase);
          return times(found && column.value(found));
        }),
      ]),
    );
  return [
    "## Ratios",
    "Rates (in flight, 10 KB and more, stream): more is better. CPU a call, server and client together, and latency: less is better.",
    "",
    header(["adapter", ...shown.map((c) => c.title)]),
    ...lines,
  ].join("\n");
}

function goalTable(judged: readonly GoalReached[]): string {
  return [
    "## Goals",
    "",
    header(["skein against", "measured", "goal", "reached"]),
    ...judged.map((g) =>
      row([
        g.about,
        number(g.ratio, 3), // as many digits as tell a goal just missed from one just reached
        `${g.figure === "rate" ? "≥" : "≤"} ${Number(g.bound.toFixed(2))}`,
        g.reached ? "yes" : "no",
      ]),
    ),
  ].join("\n");
}

function phaseTable(phase: string, rows: readonly Row[]): string {
  const latency = rows.some((r) => r.latency);
  const titles = ["adapter", "/s", "÷ base", "CPU µs server", "client", "CPU ÷ base"];
  const latencyTitles = ["p50 µs", "p99", "p99.9"];
  return [
    `### ${phase}: ${aboutPhase(phase)}`,
    "",
    header([...titles, ...(latency ? latencyTitles : []), "RSS MB server", "client", "rounds", "others %"]),
    ...rows.map((r) =>
      row([
        r.errors > 0 ? `${r.adapter} (${r.errors} errors)` : r.adapter,
        number(r.rate),
        withQuartiles(r.rateRatio),
        number(r.serverCpuUs, 1),
        number(r.clientCpuUs, 1),
        withQuartiles(r.cpuRatio),
        ...(latency ? [number(r.latency?.p50), number(r.latency?.p99), number(r.latency?.p999)] : []),
        number(r.serverRssMb),
        number(r.clientRssMb),
        String(r.rounds),
        number(r.others * 100),
      ]),
    ),
  ].join("\n");
}
