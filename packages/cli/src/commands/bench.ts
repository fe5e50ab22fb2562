import type { CallSettings } from "../backplane.ts";
import { type InputArgument, readOneInput } from "../call-input.ts";
import { type LoadResult, type RunningLoad, runClosedLoop } from "../closed-loop.ts";
import type { Session } from "../command.ts";
import { fetchDescription, findEndpoint } from "../description.ts";
import { CliError, EXIT, type ExitCode } from "../exit.ts";
import { toJson } from "../json.ts";
import { counted, formatCount, formatMs } from "../text.ts";
import type { CallOptions } from "./call.ts";

export interface BenchOptions extends CallOptions {
  /** Callers, each with one call in flight. */
  readonly concurrency: number;
  readonly durationMs: number;
  /** Calls what is not idempotent all the same. */
  readonly force: boolean;
}

/** Calls a unary method over and over, and prints rate, latencies and failures. */
export async function bench(
  session: Session,
  service: string,
  method: string,
  argument: InputArgument,
  options: BenchOptions,
): Promise<ExitCode> {
  const { io, backplane } = session;
  const { timeoutMs, metadata, version } = options;
  // Without the signal, which costs each call a listener: at Ctrl-C the calls in flight end by themselves
  const settings: CallSettings = { timeoutMs, metadata, version };
  await requireBenchable(session, service, method, options, { ...settings, signal: io.interrupted });
  const input = await readOneInput(io, argument);
  const callOnce = (): PromiseLike<unknown> => backplane.call(service, method, input, settings);
  // Connects, and shows a call that cannot work before it is made a thousand times
  await callOnce();
  const load = runClosedLoop({ ...options, clock: io.clock, signal: io.interrupted, call: callOnce });
  const stopProgress = showProgress(session, load, options.durationMs);
  const result = await load.done;
  await stopProgress();
  const { concurrency } = options;
  const text = session.json
    ? `${toJson({ service, method, concurrency, ...summary(result) })}\n`
    : asText(session, `${service}.${method}`, concurrency, result);
  await io.stdout.write(text);
  if (io.interrupted.aborted) return EXIT.interrupted;
  return result.failed > 0 ? EXIT.failed : EXIT.ok;
}

async function requireBenchable(
  { backplane }: Session,
  service: string,
  method: string,
  { force }: BenchOptions,
  settings: CallSettings,
): Promise<void> {
  const endpoint = findEndpoint(await fetchDescription(backplane, service, settings), method);
  if (endpoint.kind !== "unary")
    throw new CliError(`${service}.${method} is a ${endpoint.kind}; bench calls unary methods`, EXIT.usage);
  if (!endpoint.idempotent && !force)
    throw new CliError(
      `${service}.${method} is not idempotent: thousands of calls may change what it keeps. Add --force if that is wanted`,
      EXIT.usage,
    );
}

interface Summary {
  readonly durationMs: number;
  readonly ok: number;
  readonly failed: number;
  readonly ratePerSecond: number;
  /** null: no call succeeded. */
  readonly latencyMs: Readonly<Record<"p50" | "p99" | "p999" | "max", number>> | null;
  readonly errors: Readonly<Record<string, number>>;
}

function summary({ elapsedMs, ok, failed, errors, latencies }: LoadResult): Summary {
  const at = (q: number): number => round(latencies.quantile(q) ?? 0);
  return {
    durationMs: round(elapsedMs),
    ok,
    failed,
    ratePerSecond: elapsedMs > 0 ? round((ok * 1000) / elapsedMs) : 0,
    latencyMs:
      ok === 0 ? null : { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: round(latencies.maxMs) },
    errors: Object.fromEntries(errors),
  };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

function asText({ paint }: Session, name: string, concurrency: number, result: LoadResult): string {
  const { durationMs, ok, failed, ratePerSecond, latencyMs, errors } = summary(result);
  const latency =
    latencyMs === null
      ? "-"
      : [
          ["p50", latencyMs.p50],
          ["p99", latencyMs.p99],
          ["p99.9", latencyMs.p999],
          ["max", latencyMs.max],
        ]
          .map(([label, ms]) => `${label} ${formatMs(Number(ms))}`)
          .join("   ");
  const codes = Object.entries(errors)
    .sort(([, a], [, b]) => b - a)
    .map(([code, count]) => `${code} ${formatCount(count)}`);
  return joinLines([
    `${paint("bold", name)}  ${counted(concurrency, "caller")}, ${formatMs(durationMs)}`,
    `  rate     ${formatCount(ratePerSecond)} calls/s`,
    `  latency  ${latency}`,
    `  ok       ${formatCount(ok)}`,
    `  failed   ${failed === 0 ? "0" : paint("red", `${formatCount(failed)}   ${codes.join(", ")}`)}`,
  ]);
}

function joinLines(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}

/** On a terminal, a line that is rewritten each second. Returns what takes it away. */
function showProgress({ io }: Session, load: RunningLoad, durationMs: number): () => Promise<void> {
  if (!io.stderr.isTTY) return async () => {};
  const startedAt = io.clock.monotonic();
  let before = 0;
  const stop = io.clock.every(1000, () => {
    const ended = load.ended();
    const left = Math.max(0, Math.ceil((durationMs - (io.clock.monotonic() - startedAt)) / 1000));
    void io.stderr.write(`\r\x1b[K${formatCount(ended - before)} calls/s, ${left} s left`);
    before = ended;
  });
  return async () => {
    stop();
    await io.stderr.write("\r\x1b[K");
  };
}
