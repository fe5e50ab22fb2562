import { Rpc, RpcError, Service } from "@skein/core";
import { afterEach, expect, test } from "vitest";
import type { SimulationOptions } from "./options.ts";
import { type SimulationReport, simulate } from "./simulate.ts";
import { simulateSeeds } from "./simulate-seeds.ts";
import { SimulationError } from "./simulation-error.ts";
import { services, shopping } from "./test/shop.ts";

/** More than befalls by default: what must hold holds all the more. */
const HARD = {
  crash: 0.1,
  powerLoss: 0.06,
  pause: 0.15,
  partition: 0.15,
  reset: 0.3,
  halfOpen: 0.1,
  registry: 0.15,
  drop: 0.01,
};

/** What holds is checked by simulate() itself: see rules.ts. `SKEIN_SEEDS=1000 vitest run -t "what must hold"` runs more of them. */
test("what must hold holds, whatever befalls", { timeout: 300_000 }, async () => {
  const started = performance.now();
  const { outcomes, seeds } = await simulateSeeds(200, () => ({
    services,
    clients: 2,
    durationMs: 8000,
    ttlMs: 10_000,
    faults: HARD,
    body: shopping(8),
  }));
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${seeds} seeds in ${seconds} s: ${JSON.stringify(outcomes)}`);
  if (seeds < 100) return;
  // The rules had something to hold for: calls succeed, calls fail on the way.
  expect(outcomes.OK).toBeGreaterThan(20 * seeds);
  expect(outcomes.UNAVAILABLE).toBeGreaterThan(seeds / 20);
  expect(outcomes.DEADLINE_EXCEEDED).toBeGreaterThan(seeds / 50);
});

const shop = (seed: number): Promise<SimulationReport> =>
  simulate({ seed, services, clients: 2, durationMs: 8000, body: shopping(8) });

test("one seed gives one trace, another seed another", async () => {
  const [one, again, other] = [await shop(3), await shop(3), await shop(4)];
  expect(again).toEqual(one);
  expect(one.trace.split("\n").length).toBeGreaterThan(300);
  expect(other.trace).not.toBe(one.trace);
});

const originals = { Date, setTimeout, setInterval, setImmediate, random: Math.random, now: performance.now };
afterEach(() => {
  const { random, now, ...globals } = originals;
  Object.assign(globalThis, globals);
  Math.random = random;
  performance.now = now;
});

test("no real time, no real chance", async () => {
  const clean = await shop(5);
  const refuse = (what: string) => (): never => {
    throw new Error(`the simulation uses ${what}`);
  };
  class PoisonedDate extends Date {
    static override now = refuse("Date.now");
    constructor(...given: [] | [number | string]) {
      if (given.length === 0) refuse("new Date()")();
      super(...(given as [number]));
    }
  }
  Object.assign(globalThis, {
    Date: PoisonedDate,
    setTimeout: refuse("setTimeout"),
    setInterval: refuse("setInterval"),
    setImmediate: refuse("setImmediate"),
  });
  Math.random = refuse("Math.random");
  performance.now = refuse("performance.now");
  const poisoned = await shop(5);
  expect(poisoned.trace).toBe(clean.trace);
});

@Service("user", { version: "1.0.0" })
class UserService {
  static started = 0;
  @Rpc({ idempotent: true }) async getUser({ id }: { id: string }): Promise<{ id: string }> {
    return { id };
  }
}
const users: Pick<SimulationOptions, "services" | "faults"> = {
  services: [{ name: "user", copies: 2, start: () => new UserService() }],
  faults: false,
};
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

test("the body brings about what it wants to see", async () => {
  const seen: string[] = [];
  const { trace, outcomes } = await simulate({
    ...users,
    seed: 1,
    async body(world) {
      const [client] = world.clients;
      const user = client?.service<UserService>("user");
      if (client === undefined || user === undefined) throw new Error("there is no client");
      const call = async (): Promise<void> => {
        const began = world.now();
        const how = await user.getUser({ id: "1" }).then(
          () => "OK",
          (error: unknown) => (RpcError.is(error) ? error.code : "?"),
        );
        seen.push(`${how} ${world.now() - began < 100 ? "at once" : "late"}`);
      };
      await call();
      world.crash("user-1", { restartMs: 60_000 });
      await client.sleep(100);
      await call();
      world.partition("client-1", "user-2", 3000);
      await call();
      world.pause("user-2", 20_000);
      await call();
      world.crash("user-2", { silent: true, restartMs: 40_000 });
      await call();
    },
  });
  expect(seen).toEqual(["OK at once", "OK at once", "OK late", "DEADLINE_EXCEEDED late", "UNAVAILABLE late"]);
  expect(outcomes).toEqual({ OK: 3, DEADLINE_EXCEEDED: 1, UNAVAILABLE: 1 });
  for (const line of [
    "user-1  is killed",
    "nothing passes for 3000 ms",
    "stands still for 20000 ms",
    "user-2  loses its power",
  ])
    expect(trace).toContain(line);
});

test("servers that are stopped in order, one after another: no call fails on the way", {
  timeout: 60_000,
}, async () => {
  const body: SimulationOptions["body"] = async (world) => {
    const rolling = async (): Promise<void> => {
      for (const server of world.servers) {
        world.stop(server, { restartMs: world.random() * 300 });
        await world.sleep(1500);
      }
    };
    await Promise.all([shopping(8)(world), rolling()]);
  };
  for (let seed = 1; seed <= 20; seed++) {
    const { outcomes } = await simulate({ seed, services, clients: 2, faults: false, body });
    expect(Object.keys(outcomes).filter((code) => code !== "FAILED_PRECONDITION")).toEqual(["OK"]);
  }
});

test("what the body throws is told, with its seed and the end of the trace", async () => {
  const cause = new Error("expected 1 to be 2");
  const body = async (): Promise<void> => {
    throw cause;
  };
  const error = await failure(simulate({ ...users, seed: 11, body }));
  expect(error).toBeInstanceOf(SimulationError);
  expect(error).toMatchObject({ seed: 11, cause, violations: [{ rule: "the body succeeds" }] });
  expect(String(error)).toMatch(
    /^SimulationError: seed 11 fails:\n- the body succeeds\n {2}expected 1 to be 2/,
  );
});

test("a body that waits for the outside, or never ends, is told", async () => {
  const forever = await failure(simulate({ ...users, seed: 1, body: () => new Promise(() => {}) }));
  expect(String(forever)).toContain("the body has not ended after 150000 ms of virtual time");
});

test("a body that goes another way each time is told that it does not replay", async () => {
  let runs = 0;
  const error = await failure(
    simulateSeeds(1, () => ({
      ...users,
      body(world) {
        world.log(`run ${++runs}`);
        throw new Error("fails");
      },
    })),
  );
  expect(String(error)).toContain("It does not replay");
  expect(String(error)).toMatch(/ world {2}run 1\n.* world {2}run 2/);
});

test("options that are wrong are named", async () => {
  const wrong = (faults: SimulationOptions["faults"]): Promise<unknown> =>
    failure(simulate({ ...users, seed: 1, faults, body: () => {} }));
  expect(String(await wrong({ crash: 2 }))).toContain("faults.crash is 2: give a probability, 0 to 1");
  expect(String(await wrong({ crush: 0.1 } as never))).toContain(
    "faults.crush is not known: there are crash,",
  );
  const [user] = users.services;
  for (const [given, message] of [
    [{ seed: 1.5 }, "simulate: seed is 1.5: give a whole number, 0 or more"],
    [{ clients: 0 }, "simulate: clients is 0: give a whole number, 1 or more"],
    [{ durationMs: -1 }, "simulate: durationMs is -1: give milliseconds, 0 or more"],
    [{ ttlMs: 0 }, "simulate: ttlMs is 0: give milliseconds, more than 0"],
    [{ body: "day" }, 'simulate: body is "day": give a function'],
    [{ services: [] }, "simulate: services is an empty list: give a list of services"],
    [
      { services: [{ ...user, copies: 0 }] },
      "simulate: services[0].copies is 0: give a whole number, 1 or more",
    ],
    [
      { services: [{ ...user, name: "client" }] },
      'services[0].name is "client": give a name, other than "client"',
    ],
    [{ services: [user, user] }, 'services[1].name is "user", as that of another one: give copies'],
    [{ duration: 5 }, "simulate: duration is not known: there are seed, services, clients,"],
  ] as const) {
    const error = await failure(simulate({ ...users, seed: 1, body: () => {}, ...given } as never));
    expect(error).toBeInstanceOf(TypeError);
    expect(String(error)).toContain(message);
  }
  const nobody = failure(simulate({ ...users, seed: 1, body: (world) => world.crash("user-9") }));
  expect(String(await nobody)).toContain("user-9 is no server here: there are user-1, user-2");
});
