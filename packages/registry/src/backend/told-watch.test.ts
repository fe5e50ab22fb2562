import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { ToldWatch } from "./told-watch.ts";

test("nothing before all is known, changes of one moment at once, nothing after a failure until all is known again", async () => {
  const runtime = createFakeRuntime();
  const told: unknown[] = [];
  let revision = 0;
  const tell = {
    found: (snapshot: { readonly revision: number }) => void told.push(snapshot.revision),
    failed: (error: unknown) => void told.push(error),
  };
  const watch = new ToldWatch(runtime, tell, () => ({ instances: [], revision }));
  const change = async (): Promise<void> => {
    revision++;
    watch.changed();
    watch.changed();
    await runtime.clock.advanceAsync(1);
  };
  await change();
  expect(told).toEqual([]);
  watch.known();
  watch.known();
  await change();
  expect(told).toEqual([1, 2]);
  watch.failed("gone");
  await change();
  watch.known();
  expect(told).toEqual([1, 2, "gone", 3]);
  revision++;
  watch.changed();
  watch.stop();
  await change();
  expect(told.length).toBe(4);
});
