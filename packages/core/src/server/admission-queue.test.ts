import { expect, test } from "vitest";
import { createFakeRuntime } from "../testing/fake-clock.ts";
import { AdmissionQueue, type Job } from "./admission-queue.ts";
import { DEFAULT_QUEUE } from "./queue-options.ts";

interface TestJob extends Job {
  readonly name: string;
  readonly costMs: number;
}

const owner = { claims: 0, claimsAt: 0 };

/** A queue whose jobs take fake time, and whose turns are taken by hand. */
function world(options = DEFAULT_QUEUE) {
  const runtime = createFakeRuntime();
  const turns: (() => void)[] = [];
  const ran: string[] = [];
  const shed: TestJob[] = [];
  const queue = new AdmissionQueue<TestJob>(
    { ...runtime, defer: (fn) => turns.push(fn), yieldToIo: (fn) => turns.push(fn) },
    {
      run(job) {
        runtime.clock.advance(job.costMs);
        ran.push(job.name);
      },
      shed: (job) => shed.push(job),
    },
    options,
  );
  const push = (name: string, costMs = 0, priority = 1, by = owner): void =>
    queue.push({
      name,
      costMs,
      priority,
      arrivedAt: runtime.clock.monotonic(),
      queuedAt: undefined,
      owner: by,
    });
  const turn = (): boolean => {
    const next = turns.shift();
    next?.();
    return next !== undefined;
  };
  return { runtime, queue, ran, shed, push, turn };
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

/** Three jobs of 1 ms arrive each millisecond, for so long; answers how many of each priority were taken. */
function threeTimes(w: ReturnType<typeof world>, ms: number): number[] {
  const taken = [0, 0, 0];
  let from = w.runtime.clock.monotonic();
  for (const until = from + ms; from < until; ) {
    const now = w.runtime.clock.monotonic();
    for (; from < now || w.queue.depth === 0; from++)
      for (const priority of [1, 1, 2])
        if (w.queue.refusal(priority, 5000) === undefined) {
          taken[priority] = (taken[priority] as number) + 1;
          w.push("job", 1, priority);
        }
    w.queue.schedule();
    w.turn();
  }
  return taken;
}

test("once overloaded: what is late is handed back, 10 ms of work are taken, sheddable last; over when little is refused", () => {
  const w = world();
  threeTimes(w, 90);
  expect(w.queue.overloaded).toBe(false);
  threeTimes(w, 60);
  expect(w.queue.overloaded).toBe(true);
  expect(w.shed.length).toBeGreaterThan(20);
  threeTimes(w, 300);
  const [, normal, sheddable] = threeTimes(w, 200) as [number, number, number];
  expect(normal + sheddable).toBeGreaterThan(190);
  expect(normal + sheddable).toBeLessThan(220);
  expect(sheddable).toBeLessThan(normal / 10);
  expect(w.queue.waitMs).toBeLessThanOrEqual(12);
  while (w.queue.depth < 16) w.push("job", 1);
  expect(w.queue.refusal(0, 5000)).toBeUndefined();
  expect(w.queue.refusal(1, 5000)).toBeGreaterThan(0);
  for (let i = 0; i < 400; i++) {
    if (w.queue.refusal(1, 5000) === undefined) w.push("job", 0.5);
    w.queue.schedule();
    w.turn();
    w.runtime.clock.advance(0.5);
  }
  expect(w.queue.overloaded).toBe(false);
});

test("a queue that stands and does not grow is no overload", () => {
  const w = world();
  for (let i = 0; i < 64; i++) w.push("job", 1);
  w.queue.schedule();
  let ran = 0;
  for (let turn = 0; turn < 200; turn++) {
    w.turn();
    for (; ran < w.ran.length; ran++) {
      expect(w.queue.refusal(1, 5000)).toBeUndefined();
      w.push("job", 1);
    }
  }
  expect(ran).toBeGreaterThan(1000);
  expect(w.shed).toEqual([]);
});

test("what was pushed again has waited since then only", () => {
  const w = world();
  w.runtime.clock.advance(1000);
  for (let turn = 0; turn < 40; turn++) {
    const queuedAt = w.runtime.clock.monotonic();
    for (let i = 0; i < 2 * turn; i++)
      w.queue.push({ name: "old", costMs: 0, priority: 1, arrivedAt: 0, queuedAt, owner });
    w.queue.schedule();
    w.turn();
    w.runtime.clock.advance(5);
  }
  expect(w.queue.overloaded).toBe(false);
});

test("onlookers are not told of an overload that ended in silence", () => {
  const w = world();
  threeTimes(w, 200);
  while (w.turn());
  expect(w.queue.overloaded).toBe(true);
  w.runtime.clock.advance(300);
  expect(w.queue.overloaded).toBe(false);
});

test("no more than maxQueue, of which critical ones have theirs", () => {
  const w = world({ ...DEFAULT_QUEUE, maxQueue: 5 });
  for (let i = 0; i < 5; i++) w.push("job");
  expect(w.queue.refusal(1, 5000)).toBeGreaterThan(0);
  expect(w.queue.refusal(2, 5000)).toBeGreaterThan(0);
  for (let i = 0; i < 5; i++) {
    expect(w.queue.refusal(0, 5000)).toBeUndefined();
    w.push("job", 0, 0);
  }
  expect(w.queue.refusal(0, 5000)).toBeGreaterThan(0);
});

test("the expected wait counts what I/O takes between two slices, and not what a pause of the machine takes", () => {
  const w = world();
  for (let i = 0; i < 800; i++) w.push("job", 1);
  w.queue.schedule();
  const each = (): number => w.queue.waitMs / w.queue.depth;
  for (let turn = 0; turn < 60; turn++) {
    w.turn();
    w.runtime.clock.advance(8);
  }
  expect(each()).toBeGreaterThan(1.8);
  expect(each()).toBeLessThan(2.2);
  w.runtime.clock.advance(5000);
  w.turn();
  expect(each()).toBeLessThan(2.3);
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

test("in a queue that is full whoever had less takes another's place, but not that of a critical one", () => {
  const w = world({ ...DEFAULT_QUEUE, maxQueue: 200 });
  threeTimes(w, 200);
  while (w.turn());
  const crowd = { claims: 50, claimsAt: 0 };
  const small = { claims: 0, claimsAt: 0 };
  const fill = (priority: number): void => {
    while (w.queue.refusal(priority, 5000) === undefined) w.push("crowd's", 0, priority, crowd);
  };
  fill(1);
  const before = w.queue.depth;
  const place = w.queue.displaceable(1, 5000, small);
  expect(w.queue.displaceable(1, 5000, crowd)).toBeUndefined();
  w.queue.displace(1, place as number);
  expect(w.shed.at(-1)?.owner).toBe(crowd);
  expect(w.queue.depth).toBe(before - 1);
  w.push("small's", 0, 1, small);
  fill(0);
  expect(w.queue.refusal(0, 5000)).toBeGreaterThan(0);
  expect(w.queue.displaceable(0, 5000, small)).toBeUndefined();
});

test("every job that is pushed is run in its order or shed once, and critical ones are run", () => {
  const w = world();
  const { random } = w.runtime;
  const owners = Array.from({ length: 6 }, () => ({ claims: 0, claimsAt: 0 }));
  const pushed: string[] = [];
  let displaced = 0;
  for (let turn = 0; turn < 1000; turn++) {
    for (let n = Math.floor(random() * 40); n > 0; n--) {
      const priority = [0, 2, 2, 2][Math.floor(random() * 20)] ?? 1;
      const by = owners[Math.floor(random() ** 2 * 6)] as (typeof owners)[number];
      const refused = w.queue.refusal(priority, 250) !== undefined;
      const other = refused ? w.queue.displaceable(priority, 250, by) : undefined;
      if (refused && other === undefined) continue;
      if (other !== undefined) {
        w.queue.displace(priority, other);
        displaced++;
      }
      w.queue.claim(by);
      const name = `${priority}:${pushed.length}`;
      pushed.push(name);
      w.push(name, 0.2 + random(), priority, by);
    }
    w.queue.schedule();
    w.turn();
    if (random() < 0.02) w.runtime.clock.advance(20);
  }
  while (w.turn());
  const shed = w.shed.map((job) => job.name);
  expect(displaced).toBeGreaterThan(100);
  expect(shed.length).toBeGreaterThan(displaced);
  expect([...w.ran, ...shed].sort()).toEqual(pushed.sort());
  expect(shed.filter((name) => name.startsWith("0"))).toEqual([]);
  for (const rank of ["0:", "1:", "2:"]) {
    const numbers = w.ran.filter((name) => name.startsWith(rank)).map((name) => Number(name.slice(2)));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  }
});
