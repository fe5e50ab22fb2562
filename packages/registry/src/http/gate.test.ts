import { expect, test } from "vitest";
import { Gate } from "./gate.ts";

test("so many at a time, in order; one that fails leaves its place", async () => {
  const gate = new Gate(2);
  const began: number[] = [];
  const ends: (() => void)[] = [];
  let inside = 0;
  let most = 0;
  const runs = Array.from({ length: 6 }, (_, n) =>
    gate.run(async () => {
      began.push(n);
      most = Math.max(most, ++inside);
      await new Promise<void>((resolve) => ends.push(resolve));
      inside--;
      if (n % 2 === 0) throw new Error(`${n} fails`);
      return n;
    }),
  );
  const settled = Promise.allSettled(runs);
  for (let n = 0; n < 6; n++) {
    expect(inside).toBeGreaterThan(0);
    ends.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect((await settled).map((r) => (r.status === "fulfilled" ? r.value : "failed"))).toEqual([
    ...["failed", 1, "failed", 3, "failed", 5],
  ]);
  expect([began, most]).toEqual([[0, 1, 2, 3, 4, 5], 2]);
  expect(await gate.run(async () => "free")).toBe("free");
});
