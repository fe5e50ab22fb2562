import type { Candidate, CandidateState, Instance, Pick, Picker, PickRequest } from "@skein/core";

export { seededRandom as seeded } from "@skein/core/testing";

/** A candidate of a test's own making; weight 1 and ready unless given. */
export function candidate(id: string, state: CandidateState = "ready", weight = 1): Candidate {
  return {
    state,
    instance: {
      service: "user",
      version: "1.0.0",
      id,
      addresses: [{ protocol: "skein", url: `tcp://${id}` }],
      weight,
      status: "serving",
      startedAt: "2026-01-01T00:00:00.000Z",
      metadata: {},
    },
  };
}

/** The same one with something else in its record. */
export function having(of: Candidate, record: Partial<Instance>): Candidate {
  return { ...of, instance: { ...of.instance, ...record } };
}

export const ids = (n: number): string[] => Array.from({ length: n }, (_, i) => `i${i}`);
export const ready = (n: number): Candidate[] => ids(n).map((id) => candidate(id));

export function request(exclude?: readonly string[], now = 0, key?: string): PickRequest {
  return { method: "getUser", key, exclude: exclude && new Set(exclude), now };
}

/** Picks and ends the call at once; the id, or undefined. */
export function take(picker: Picker, exclude?: readonly string[], now = 0): string | undefined {
  const pick: Pick | undefined = picker.pick(request(exclude, now));
  pick?.done(now, now, false, 0);
  return pick?.candidate.instance.id;
}

/** How often each was picked in so many picks. */
export function counts(
  picker: Picker,
  picks: number,
  into: Record<string, number> = {},
): Record<string, number> {
  for (let i = 0; i < picks; i++) {
    const id = take(picker) ?? "none";
    into[id] = (into[id] ?? 0) + 1;
  }
  return into;
}
