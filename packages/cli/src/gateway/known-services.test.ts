import { type Client, RpcError, type Snapshot, silentLogger } from "skein";
import { expect, test } from "vitest";
import { FakeClock } from "../../../core/src/testing/index.ts";
import { KnownServices } from "./known-services.ts";

/** A registry and its services as a client shows them. */
function made(only?: readonly string[]) {
  const clock = new FakeClock();
  const state = { names: [] as string[], down: false, silent: new Set<string>(), asked: [] as string[] };
  const watchers = new Map<string, (snapshot: Snapshot) => void>();
  const client = {
    list: async () => {
      if (state.down) throw new Error("no answer");
      return state.names.map((name) => ({ name, versions: ["1.0.0"], instances: 1 }));
    },
    async *watch(name: string) {
      for (;;)
        yield await new Promise<Snapshot>((resolve) => {
          watchers.set(name, resolve);
        });
    },
    service: (name: string) => ({
      call: async (method: string) => {
        state.asked.push(`${name}.${method}`);
        if (state.silent.has(name)) throw new RpcError("UNAVAILABLE", "gone", { executed: "no" });
        return { service: name, version: "1.0.0", endpoints: [] };
      },
    }),
  } as unknown as Client;
  let listings = 0;
  const onListed = (): void => void listings++;
  const known = new KnownServices({ client, clock, logger: silentLogger, only, onListed });
  const see = async (name: string, ...ids: string[]): Promise<void> => {
    watchers.get(name)?.({ instances: ids.map((id) => ({ id })), revision: 1 } as unknown as Snapshot);
    await clock.advanceAsync(0);
  };
  return {
    clock,
    state,
    known,
    listings: () => listings,
    see,
    names: () => known.descriptions.map(({ service }) => service),
  };
}

test("services are asked what they offer when they come, and when their instances change", async () => {
  const { clock, state, known, see, names } = made();
  await known.start();
  expect([names(), known.listed]).toEqual([[], true]);
  state.names = ["user"];
  await clock.advanceAsync(1000);
  expect(names()).toEqual(["user"]);
  await see("user", "a");
  await clock.advanceAsync(1000);
  expect(state.asked).toEqual(["user.$describe", "user.$describe"]);
  await clock.advanceAsync(10_000);
  expect(state.asked.length).toBe(2);
  await see("user", "b", "a");
  await clock.advanceAsync(1000);
  await see("user", "a", "b");
  await clock.advanceAsync(1000);
  expect(state.asked.length).toBe(3);
  known.stop();
  expect(clock.timers).toBe(0);
});

test("one that does not say is asked again", async () => {
  const { clock, state, known, names } = made();
  state.names = ["user"];
  state.silent.add("user");
  await known.start();
  expect(names()).toEqual([]);
  state.silent.clear();
  await clock.advanceAsync(1000);
  expect(names()).toEqual(["user"]);
  known.stop();
});

test("a registry that does not answer, or has forgotten, takes nothing away that answers", async () => {
  const { clock, state, known, listings, names } = made();
  state.down = true;
  await known.start();
  expect([known.listed, listings()]).toEqual([false, 0]);
  Object.assign(state, { down: false, names: ["user", "order"] });
  await clock.advanceAsync(1000);
  expect([names(), known.listed]).toEqual([["user", "order"], true]);
  state.down = true;
  await clock.advanceAsync(5000);
  expect([names(), known.listed, listings()]).toEqual([["user", "order"], true, 1]);
  Object.assign(state, { down: false, names: [] });
  state.silent.add("order");
  await clock.advanceAsync(1000);
  expect(names()).toEqual(["user"]);
  known.stop();
});

test("only those that are named", async () => {
  const { state, known, names } = made(["order"]);
  state.names = ["user", "order"];
  await known.start();
  expect(names()).toEqual(["order"]);
  known.stop();
});
