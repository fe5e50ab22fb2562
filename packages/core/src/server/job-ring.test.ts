import { expect, test } from "vitest";
import { seededRandom } from "../testing/seeded-random.ts";
import { JobRing } from "./job-ring.ts";

test.each([1, 2, 3])("first in, first out, but for what is taken out of turn: %i", (seed) => {
  const random = seededRandom(seed);
  const ring = new JobRing<number>();
  let model: number[] = [];
  let pushed = 0;
  for (let step = 0; step < 4000; step++) {
    const grows = step % 1000 < 500 ? 0.6 : 0.4;
    if (random() < grows) {
      ring.push(pushed);
      model.push(pushed++);
    } else if (model.length > 0 && random() < 0.5) expect(ring.shift()).toBe(model.shift());
    else if (model.length > 0) {
      let back = Math.floor(random() * ring.length);
      while (ring.newest(back) === undefined) back = (back + 1) % ring.length;
      const taken = ring.newest(back);
      ring.remove(back);
      model = model.filter((n) => n !== taken);
    }
    if (ring.size !== model.length || ring.first !== model[0]) throw new Error(`differs at step ${step}`);
    if (step % 50 !== 0) continue;
    const items = Array.from({ length: ring.length }, (_, back) => ring.newest(back));
    expect(items.filter((n) => n !== undefined).reverse()).toEqual(model);
  }
  expect(pushed).toBeGreaterThan(1500);
});
