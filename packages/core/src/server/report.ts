import type { ServedService } from "./served-service.ts";

/** One method's counters since the start of the process. */
export interface MethodReport {
  readonly service: string;
  readonly method: string;
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  /** Ended when their callers had given them up; still running: started - succeeded - failed - cancelled. A client counts what it gives up as failed. */
  readonly cancelled: number;
  /** Upper bounds, ms, from arrival to answer. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export function report(service: ServedService): readonly MethodReport[] {
  return service.endpoints.map(({ name, stats }) => ({
    service: service.definition.name,
    method: name,
    started: stats.started,
    succeeded: stats.succeeded,
    failed: stats.failed,
    cancelled: stats.cancelled,
    p50Ms: stats.quantile(0.5),
    p99Ms: stats.quantile(0.99),
  }));
}
