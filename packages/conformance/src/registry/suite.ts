import { describe, test } from "vitest";
import { LONG_TTL_MS, type RegistryAbilities, type RegistryCase, type RegistryHarness } from "./harness.ts";
import { leaseCases } from "./lease-cases.ts";
import { recordCases } from "./record-cases.ts";
import { watchCases } from "./watch-cases.ts";
import { Watched } from "./watched.ts";

export const registryCases: readonly RegistryCase[] = [...watchCases, ...recordCases, ...leaseCases];

/** Runs one case against a fresh registry. Rejects when the backend is at fault. */
export async function runRegistryCase(each: RegistryCase, harness: RegistryHarness): Promise<void> {
  const watches: Watched[] = [];
  try {
    const registry = await harness.connect();
    await each.run({
      harness,
      registry,
      lease: (ttlMs = LONG_TTL_MS) => registry.lease({ ttlMs: Math.max(harness.ttlMs, ttlMs) }),
      other: async () => harness.connect(),
      watch(service, of = registry) {
        const watched = new Watched(of, service);
        watches.push(watched);
        return watched;
      },
    });
    await Promise.all(watches.map((w) => w.stop()));
  } finally {
    await harness.close();
  }
}

/** What a case needs and the backend lacks. An ability that is claimed without the means to show it is an error, not a skip. */
export function lacking(each: RegistryCase, harness: RegistryHarness): (keyof RegistryAbilities)[] {
  const lacks = (each.needs ?? []).filter((need) => harness.abilities?.[need] === false);
  const means = { plantable: "plantMalformed", revocable: "revoke", cuttable: "cut" } as const;
  for (const [ability, method] of Object.entries(means))
    if (harness.abilities?.[ability as keyof typeof means] !== false && harness[method] === undefined)
      throw new Error(`the harness has no ${method}(): give it, or say abilities: { ${ability}: false }`);
  return lacks;
}

/** The definition of a registry: every backend passes it. */
export function registryConformance(
  name: string,
  harness: () => RegistryHarness | Promise<RegistryHarness>,
): void {
  describe(`registry conformance: ${name}`, () => {
    for (const each of registryCases)
      test(each.name, async ({ skip }) => {
        const world = await harness();
        const lacks = lacking(each, world);
        if (lacks.length > 0) {
          await world.close();
          skip(`${name} is not ${lacks.join(", ")}`);
        }
        await runRegistryCase(each, world);
      });
  });
}
