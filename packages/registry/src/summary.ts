import type { Instance, ServiceSummary } from "@skein/core";

/** Instances to what list() answers, by name. */
export function summarize(instances: readonly Instance[]): readonly ServiceSummary[] {
  const services = new Map<string, Instance[]>();
  for (const instance of instances)
    services.set(instance.service, [...(services.get(instance.service) ?? []), instance]);
  return [...services]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, all]) => ({
      name,
      versions: [...new Set(all.map((i) => i.version))].sort(),
      instances: all.length,
    }));
}
