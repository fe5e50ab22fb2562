import { parseArgs } from "node:util";
import {
  BASE,
  catalogue,
  chooseAdapter,
  defaultAdapters,
  NATS_BASE,
  natsAdapters,
  quickAdapters,
  splitAdapters,
} from "./catalogue.ts";
import { defaultPhases, natsPhases, phaseNames } from "./phases.ts";
import type { RunOptions } from "./run.ts";

/** What the command line asks for. */
export type BenchCommand =
  | { readonly kind: "help" }
  | { readonly kind: "run"; readonly options: Omit<RunOptions, "log">; readonly out: string | undefined }
  /** Prints files written with --out, taken together. */
  | { readonly kind: "print"; readonly files: readonly string[]; readonly base: string | undefined };

const full = { starts: 2, rounds: 5, seconds: 0.4, warmSeconds: 1 };
const quick = { starts: 1, rounds: 3, seconds: 0.3, warmSeconds: 0.3 };
const CONCURRENCIES = [1, 64, 512];
/** With --nats. */
const NATS_CONCURRENCIES = [1, 64];

export const helpText = `npm run bench -- [options]

Runs Skein, the hand-written limit and the peers side by side and prints their ratios as Markdown.

  --adapters A,B:VARIANT   which ones (default: all; commas inside a variant are understood)
  --base A                 what ratios are taken against (default: ${BASE})
  --quick                  only skein and the base, short; installs nothing
  --nats                   over NATS: ${natsAdapters.join(", ")}; replies of 300 B, 10 KB and 900 KB
  --starts N               how often all processes are started anew (default ${full.starts}, quick ${quick.starts})
  --rounds N               rounds of each start (default ${full.rounds}, quick ${quick.rounds})
  --seconds S              length of a slice: one adapter, one phase (default ${full.seconds}, quick ${quick.seconds})
  --warm S                 length of a warm-up slice (default ${full.warmSeconds}, quick ${quick.warmSeconds})
  --phases P,Q             of ${phaseNames.join(", ")} (default: ${defaultPhases.join(",")})
  --conc N,M               calls in flight of the phase conc (default ${CONCURRENCIES.join(",")})
  --node PATH              the Node that runs the adapters (default: this one)
  --out FILE.json          writes every measurement there, and the report to FILE.md
  --from F.json,G.json     measures nothing: prints the report of earlier --out files, taken together
  --micro                  the micro-benchmarks instead: picks, codecs, interceptors
  --help                   this text

Adapters:
${catalogue.map((e) => `  ${e.name.padEnd(12)} ${e.about}${e.variants ? ` (variants: ${e.variants})` : ""}`).join("\n")}
`;

/** @throws Error that names the option and what it takes */
export function parseBenchArgs(args: readonly string[]): BenchCommand {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapters: { type: "string" },
      base: { type: "string" },
      quick: { type: "boolean", default: false },
      nats: { type: "boolean", default: false },
      starts: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      warm: { type: "string" },
      phases: { type: "string" },
      conc: { type: "string" },
      node: { type: "string" },
      out: { type: "string" },
      from: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return { kind: "help" };
  if (values.from !== undefined) return { kind: "print", files: values.from.split(","), base: values.base };
  const defaults = values.quick ? quick : full;
  const base = values.base ?? (values.nats ? NATS_BASE : BASE);
  const asked = values.adapters
    ? splitAdapters(values.adapters)
    : values.nats
      ? natsAdapters
      : values.quick
        ? quickAdapters
        : defaultAdapters;
  const adapters = [...new Set([base, ...asked])];
  for (const id of adapters) chooseAdapter(id);
  return {
    kind: "run",
    out: values.out,
    options: {
      adapters,
      base,
      starts: whole("--starts", values.starts, defaults.starts),
      rounds: whole("--rounds", values.rounds, defaults.rounds),
      seconds: positive("--seconds", values.seconds, defaults.seconds),
      warmSeconds: positive("--warm", values.warm, defaults.warmSeconds),
      concurrencies: (values.conc?.split(",") ?? [])
        .map((n) => whole("--conc", n, 1))
        .concat(values.conc ? [] : values.nats ? NATS_CONCURRENCIES : CONCURRENCIES),
      phases: parsePhases(values.phases, values.nats ? natsPhases : defaultPhases),
      size: values.nats ? "300b" : "small",
      nodeBinary: values.node ?? process.execPath,
    },
  };
}

function positive(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value)))
    throw new Error(`${option} takes a number above 0, not "${text}"`);
  return value;
}

function whole(option: string, text: string | undefined, fallback: number): number {
  const value = positive(option, text, fallback);
  if (!Number.isInteger(value)) throw new Error(`${option} takes a whole number, not "${text}"`);
  return value;
}

function parsePhases(text: string | undefined, fallback: RunOptions["phases"]): RunOptions["phases"] {
  if (text === undefined) return fallback;
  return text.split(",").map((asked) => {
    const phase = phaseNames.find((name) => name === asked);
    if (!phase) throw new Error(`--phases takes some of ${phaseNames.join(", ")}, not "${asked}"`);
    return phase;
  });
}
