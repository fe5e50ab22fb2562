import type { LatencySummary } from "./load/protocol.ts";

/** One adapter in one phase of one round. Times are microseconds. */
export interface Measurement {
  /** Which start of the processes, from 1. */
  readonly start: number;
  /** Which round of that start, from 1. */
  readonly round: number;
  readonly adapter: string;
  readonly phase: string;
  readonly calls: number;
  readonly errors: number;
  readonly lastError?: string;
  /** Calls or messages a second. */
  readonly rate: number;
  readonly latency?: LatencySummary;
  /** User and system time for each call. */
  readonly serverCpuUs: number;
  readonly clientCpuUs: number;
  readonly serverRssMb: number;
  readonly clientRssMb: number;
  /** Share of the machine that other processes took meanwhile, 0 to 1. */
  readonly others: number;
}

/** An adapter that could not be installed, built, started, or that broke. */
export interface Absence {
  readonly adapter: string;
  /** `skipped`: what it needs is not to be had here. `failed`: it was there and broke. */
  readonly kind: "skipped" | "failed";
  readonly reason: string;
}

export interface BenchResults {
  readonly at: string;
  readonly node: string;
  readonly cores: number;
  readonly starts: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly base: string;
  /** In the order asked for. */
  readonly adapters: readonly string[];
  readonly measurements: readonly Measurement[];
  readonly absent: readonly Absence[];
}

export const totalCpuUs = (m: Measurement): number => m.serverCpuUs + m.clientCpuUs;
