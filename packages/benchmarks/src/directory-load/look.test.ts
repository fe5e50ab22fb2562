import type { Candidate } from "@skein/core";
import { expect, test } from "vitest";
import { Look } from "./look.ts";
import { Population } from "./records.ts";

/** A look, and what tells it of a set. */
function looking() {
  const look = new Look();
  const selector = look.around(() => ({ update: () => ({ pick: () => undefined }) }))({ random: () => 0 });
  return { look, show: (all: readonly Candidate[]) => void selector.update(all) };
}
const idle = (population: Population, state: Candidate["state"] = "idle"): Candidate[] =>
  population.all.flatMap(({ instance }) => (instance === undefined ? [] : [{ instance, state }]));
const truthOf = (population: Population) =>
  new Map(population.all.map(({ id, instance }) => [id, instance?.weight ?? 0]));

test("each change is seen, once the candidates have it, and the whole is right", () => {
  const population = new Population(["tcp://127.0.0.1:1", "tcp://127.0.0.1:2"]);
  for (let n = 0; n < 50; n++) population.add();
  const { look, show } = looking();
  show(idle(population));
  for (let n = 0; n < 40; n++) {
    const { id, instance } = population.change();
    look.expect({ id, weight: instance?.weight, at: 0 });
    expect([look.missed, look.wrong(truthOf(population))]).not.toEqual([0, 0]);
    show(idle(population));
    expect([look.missed, look.wrong(truthOf(population)), look.tookMs.length]).toEqual([0, 0, n + 1]);
  }
  expect(population.all).toHaveLength(50);
});

test("who went and is connected is held, and neither missed nor wrong", () => {
  const population = new Population(["tcp://127.0.0.1:1"]);
  for (let n = 0; n < 4; n++) population.add();
  const { look, show } = looking();
  population.change();
  population.change();
  const before = idle(population, "ready");
  show(before);
  // The third change is a removal.
  const { id } = population.change();
  look.expect({ id, weight: undefined, at: 0 });
  const dead = before.filter(({ instance }) => instance.id === id);
  show([...idle(population), ...dead]);
  expect([look.held, look.missed, look.wrong(truthOf(population))]).toEqual([1, 0, 0]);
  show([...idle(population), ...dead.map((candidate) => ({ ...candidate, state: "idle" as const }))]);
  expect(look.wrong(truthOf(population))).toBe(1);
});
