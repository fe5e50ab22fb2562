import type { MethodReport } from "../server/report.ts";
import type { Method } from "./method.ts";

/** A service's methods that were called, whatever the version asked for. */
export function reportMethods(
  targets: Iterable<{ readonly methods: ReadonlyMap<string, Method> }>,
): readonly MethodReport[] {
  const reports: MethodReport[] = [];
  for (const { methods } of targets)
    for (const { service, name, stats } of methods.values()) {
      if (stats.started === 0) continue;
      const { started, succeeded, failed, cancelled } = stats;
      const p50Ms = stats.quantile(0.5);
      const p99Ms = stats.quantile(0.99);
      reports.push({ service, method: name, started, succeeded, failed, cancelled, p50Ms, p99Ms });
    }
  return reports;
}
