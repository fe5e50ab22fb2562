import type { Connection } from "@skein/core";
import { expect, test } from "vitest";
import { Machine } from "./machine.ts";
import { Network } from "./network.ts";
import { Scheduler, turn } from "./scheduler.ts";
import { Trace } from "./trace.ts";

/** Two hosts, and what each end of a connection gets: the numbers in its frames, then how it ended. */
function setup(seed = 1, dropChance = 0.05) {
  const scheduler = new Scheduler();
  const trace = new Trace(() => scheduler.now);
  const network = new Network({ seed, scheduler, trace, delayMs: [1, 20], dropChance });
  const onError = (_: Machine, error: unknown): never => {
    throw error;
  };
  const machine = (name: string) => new Machine({ name, host: name, seed, scheduler, onError });
  const [a, b] = [machine("a"), machine("b")];
  const run = async (ms: number): Promise<void> => {
    const until = scheduler.now + ms;
    await turn();
    while (scheduler.nextAt <= until) await scheduler.step();
    scheduler.now = until;
  };
  const finish = async <T>(work: Promise<T>): Promise<T> => {
    work.catch(() => {});
    await run(2000);
    return await work;
  };
  return { scheduler, trace, network, a, b, run, finish };
}

function recorder(connection: Connection): (number | string)[] {
  const got: (number | string)[] = [];
  connection.open({
    frame: (bytes, start) => void got.push(bytes[start + 16] as number),
    chunkEnd: () => {},
    closed: (error) => void got.push(error === undefined ? "closed" : `lost: ${error.message}`),
  });
  return got;
}

function send(connection: Connection, n: number, size = 20): void {
  const w = connection.reserve(size);
  w.view.setInt32(w.position, size, true);
  w.bytes.fill(0, w.position + 4, w.position + size);
  w.bytes[w.position + 16] = n;
  w.position += size;
  connection.commit();
}

async function pair(world: ReturnType<typeof setup>) {
  const { network, a, b, finish } = world;
  const accepted: Connection[] = [];
  await network.transport(b).listen("sim:", (c) => void accepted.push(c));
  const dial = async () => {
    const caller = await finish(network.transport(a).dial("sim://b", { timeoutMs: 1500 }));
    return { caller, server: accepted.at(-1) as Connection };
  };
  return { dial };
}

const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

test.each([1, 2, 3])("in order within a connection, whatever is lost, seed %i", async (seed) => {
  const world = setup(seed, 0.2);
  const { dial } = await pair(world);
  const { caller, server } = await dial();
  const got = recorder(server);
  for (const n of numbers(200)) {
    send(caller, n, 20 + n);
    if (n % 3 === 0) await world.run(1);
  }
  await world.run(200_000);
  expect(got).toEqual(numbers(200));
});

test("two connections overtake one another", async () => {
  const world = setup();
  const { dial } = await pair(world);
  const [one, two] = [await dial(), await dial()];
  const order: number[] = [];
  for (const [at, { server }] of [one, two].entries())
    server.open({ frame: () => void order.push(at), chunkEnd: () => {}, closed: () => {} });
  for (let i = 0; i < 50; i++) {
    send(one.caller, i);
    send(two.caller, i);
    await world.run(50);
  }
  const firsts = order.filter((_, i) => i % 2 === 0);
  expect(firsts.filter((at) => at === 0).length).toBeGreaterThan(5);
  expect(firsts.filter((at) => at === 1).length).toBeGreaterThan(5);
});

test("a partition holds back what is sent until it heals; one way does not hold the other", async () => {
  const world = setup();
  const { dial } = await pair(world);
  const { caller, server } = await dial();
  const [atServer, atCaller] = [recorder(server), recorder(caller)];
  world.network.cut("a", "b");
  send(caller, 1);
  send(server, 2);
  await world.run(5000);
  expect([atServer, atCaller]).toEqual([[], [2]]);
  world.network.heal("a", "b");
  await world.run(1100);
  expect(atServer).toEqual([1]);
});

test("nobody answers a dial over a partition; where nobody listens it is refused", async () => {
  const world = setup();
  const { dial } = await pair(world);
  world.network.cut("b", "a");
  await expect(dial()).rejects.toThrow("connect ETIMEDOUT sim://b");
  world.network.heal("b", "a");
  const nowhere = world.network.transport(world.a).dial("sim://c", { timeoutMs: 1000 });
  await expect(world.finish(nowhere)).rejects.toThrow("connect ECONNREFUSED sim://c");
  expect(world.a.timers).toBe(0);
});

test("a reset is told to both, silence to nobody", async () => {
  const world = setup();
  const { dial } = await pair(world);
  const [first, second] = [await dial(), await dial()];
  const ends = [first.caller, first.server, second.caller, second.server].map(recorder);
  const [one, two] = world.network.alive;
  if (one === undefined || two === undefined) throw new Error("no connections");
  world.network.reset(one);
  world.network.silence(two, "to-server");
  send(second.caller, 1);
  send(second.server, 2);
  await world.run(60_000);
  expect(ends).toEqual([["lost: read ECONNRESET"], ["lost: read ECONNRESET"], [2], []]);
});

test("a paused process is connected to and reads nothing; then its timers come first", async () => {
  const world = setup();
  const { dial } = await pair(world);
  const early = await dial();
  const events: string[] = [];
  early.server.open({ frame: () => void events.push("frame"), chunkEnd: () => {}, closed: () => {} });
  world.b.pause();
  send(early.caller, 1);
  await world.run(100);
  world.b.runtime.clock.setTimer(50, () => {
    events.push("timer");
    world.b.runtime.yieldToIo(() => void events.push("after I/O"));
  });
  const during = await dial();
  expect(during.caller.bufferedBytes).toBe(0);
  expect(events).toEqual([]);
  world.b.resume();
  await world.run(10);
  expect(events).toEqual(["timer", "frame", "after I/O"]);
});

test("a killed process: its peers are told, and nothing of it runs", async () => {
  const world = setup();
  const { dial } = await pair(world);
  const { caller, server } = await dial();
  const [atCaller, atServer] = [recorder(caller), recorder(server)];
  world.b.runtime.clock.setTimer(10, () => expect.unreachable());
  world.network.vanish(world.b, false);
  await world.run(5000);
  expect(atServer).toEqual([]);
  expect(["closed", "lost: read ECONNRESET"]).toContain(atCaller[0]);
  await expect(dial()).rejects.toThrow("ECONNREFUSED");
});

test("power lost: nobody is told, until something new at its address answers for it", async () => {
  const world = setup();
  const { dial } = await pair(world);
  const { caller } = await dial();
  const atCaller = recorder(caller);
  world.network.vanish(world.b, true);
  send(caller, 1);
  await world.run(60_000);
  expect(atCaller).toEqual([]);
  await expect(dial()).rejects.toThrow("ETIMEDOUT");
  const onError = (): void => {};
  const { scheduler } = world;
  const again = new Machine({ name: "b.2", host: "b", seed: 1, scheduler, onError });
  await world.network.transport(again).listen("sim:", () => {});
  send(caller, 2);
  await world.run(1000);
  expect(atCaller).toEqual(["lost: read ECONNRESET"]);
});
