import { expect, test } from "vitest";
import { createFakeRuntime } from "../testing/fake-clock.ts";
import { AdmissionQueue, DEFAULT_QUEUE, type Job } from "./admission-queue.ts";

interface TestJob extends Job {
  readonly name: string;
  readonly costMs: number;
}

/** A queue whose jobs take fake time, and whose turns are taken by hand. */
function world(options = DEFAULT_QUEUE) {
  const runtime = createFakeRuntime();
  const turns: (() => void)[] = [];
  const ran: string[] = [];
  const queue = new AdmissionQueue<TestJob>(
    { ...runtime, defer: (fn) => turns.push(fn), yieldToIo: (fn) => turns.push(fn) },
    (job) => {
      runtime.clock.advance(job.costMs);
      ran.push(job.name);
    },
    options,
  );
  const push = (name: string, costMs = 0, priority = 1): void =>
    queue.push({ name, costMs, priority, arrivedAt: runtime.clock.monotonic() });
  const turn = (): boolean => {
    const next = turns.shift();
    next?.();
    return next !== undefined;
  };
  return { runtime, queue, ran, push, turn };
}

test("nothing runs in the data callback; the higher priority runs first", () => {
  const w = world();
  w.push("late", 0, 2);
  w.push("usual", 0, 1);
  w.push("first", 0, 0);
  w.queue.schedule();
  expect(w.ran).toEqual([]);
  w.turn();
  expect(w.ran).toEqual(["first", "usual", "late"]);
  expect(w.queue.depth).toBe(0);
});

test("a slice of 8 ms, then I/O has its turn", () => {
  const w = world();
  for (let i = 0; i < 30; i++) w.push(`${i}`, 1);
  w.queue.schedule();
  w.turn();
  const first = w.ran.length;
  w.turn();
  expect(w.ran.length - first).toBeGreaterThan(5);
  expect(w.ran.length - first).toBeLessThan(12);
  while (w.turn());
  expect(w.ran.length).toBe(30);
});

test("64 callers of a 1 ms handler: nobody is refused", () => {
  const w = world();
  let refused = 0;
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 64; i++)
      if (w.queue.refusal(1, 5000) === undefined) w.push("job", 1);
      else refused++;
    w.queue.schedule();
    while (w.turn());
  }
  expect(refused).toBe(0);
});

test("what cannot be reached in its time is refused at the door, with when to come again", () => {
  const w = world();
  for (let round = 0; round < 40; round++) {
    w.push("job", 10);
    w.queue.schedule();
    w.turn();
  }
  for (let i = 0; i < 10; i++) w.push("job", 10);
  expect(w.queue.refusal(1, 5000)).toBeUndefined();
  expect(w.queue.refusal(1, 20)).toBeGreaterThan(50);
});

test("once overloaded: about 20 ms of work, sheddable first, critical last; over when the queue was short again", () => {
  const w = world();
  const offer = (n: number): number[] => {
    const taken = [0, 0, 0];
    for (let i = 0; i < n; i++)
      for (const priority of [0, 1, 2])
        if (w.queue.refusal(priority, 5000) === undefined) {
          taken[priority] = (taken[priority] as number) + 1;
          if (priority > 0) w.push("job", 1, priority);
        }
    return taken;
  };
  for (let i = 0; i < 400; i++) w.push("job", 1);
  w.queue.schedule();
  for (let i = 0; i < 30 && !w.queue.overloaded; i++) w.turn();
  expect(w.queue.overloaded).toBe(true);
  while (w.queue.depth > 40) w.turn();
  const [critical, normal, sheddable] = offer(50) as [number, number, number];
  expect(critical).toBe(50);
  expect(normal).toBeLessThan(10);
  expect(sheddable).toBe(0);
  while (w.turn());
  w.push("job", 0);
  w.queue.schedule();
  w.turn();
  expect(w.queue.overloaded).toBe(false);
});

test("no more than maxQueue", () => {
  const w = world({ ...DEFAULT_QUEUE, maxQueue: 5 });
  for (let i = 0; i < 5; i++) w.push("job");
  expect(w.queue.refusal(0, 5000)).toBeGreaterThan(0);
});

test("the ring keeps order while it grows", () => {
  const w = world();
  for (let i = 0; i < 40; i++) w.push(`${i}`);
  w.queue.schedule();
  w.turn();
  for (let i = 40; i < 340; i++) w.push(`${i}`);
  w.queue.schedule();
  while (w.turn());
  expect(w.ran).toEqual([...Array(340).keys()].map(String));
});
