import type { Instance, Snapshot } from "@skein/core";
import { settle } from "@skein/core/testing";
import { expect, test } from "vitest";
import { SharedWatches, type WatchTeller } from "./shared-watches.ts";

const never = new AbortController().signal;
const at = (revision: number): Snapshot => ({ instances: [{ id: `i${revision}` } as Instance], revision });

function shared() {
  const begun: { readonly service: string; readonly tell: WatchTeller; ended: number }[] = [];
  const watches = new SharedWatches((service, tell) => {
    const one = { service, tell, ended: 0 };
    begun.push(one);
    return () => {
      one.ended++;
    };
  });
  const watch = (service: string, signal = never): AsyncIterator<Snapshot> =>
    watches.watch(service, signal)[Symbol.asyncIterator]();
  return { watches, watch, begun, newest: (n: number) => begun[n] as (typeof begun)[number] };
}

test("one upstream for all who watch a service: begun with the first, ended with the last", async () => {
  const { watches, watch, begun, newest } = shared();
  const abort = new AbortController();
  const [a, b, other] = [watch("user"), watch("user", abort.signal), watch("order")];
  expect(begun.map((one) => one.service)).toEqual(["user", "order"]);
  expect(watches.services).toEqual(["user", "order"]);
  newest(0).tell.found(at(1));
  expect([(await a.next()).value, (await b.next()).value]).toEqual([at(1), at(1)]);
  await a.return?.();
  await a.return?.();
  expect(newest(0).ended).toBe(0);
  abort.abort();
  expect(newest(0).ended).toBe(1);
  expect(watches.services).toEqual(["order"]);
  const again = watch("user");
  newest(0).tell.found(at(2));
  newest(2).tell.found(at(3));
  expect((await again.next()).value).toEqual(at(3));
  expect(newest(1).ended).toBe(0);
  await other.return?.();
});

test("who comes later gets the newest at once, and before the first look nothing", async () => {
  const { watch, newest } = shared();
  const a = watch("user");
  let early: unknown;
  void watch("user")
    .next()
    .then(({ value }) => {
      early = value;
    });
  await settle();
  expect(early).toBeUndefined();
  newest(0).tell.found(at(1));
  newest(0).tell.found(at(2));
  await settle();
  expect(early).toEqual(at(1));
  expect((await watch("user").next()).value).toEqual(at(2));
  expect((await a.next()).value).toEqual(at(2));
});

test("trouble: the last known instances, once; then what is found", async () => {
  const { watch, newest } = shared();
  const a = watch("user");
  const { tell } = newest(0);
  const error = new Error("no way");
  tell.failed(error);
  expect((await a.next()).value).toEqual({ instances: [], revision: 0, stale: true, error });
  tell.found(at(4));
  await a.next();
  tell.failed(error);
  expect((await a.next()).value).toEqual({ ...at(4), stale: true, error });
  let told = false;
  const pending = a.next().then(({ value }) => {
    told = true;
    return value;
  });
  tell.failed(error);
  await settle();
  expect(told).toBe(false);
  expect((await watch("user").next()).value).toEqual({ ...at(4), stale: true, error });
  tell.found(at(4));
  expect(await pending).toEqual(at(4));
});

test("close ends all, for good", async () => {
  const { watches, watch, begun } = shared();
  const [a, b] = [watch("user"), watch("order")];
  const pending = a.next();
  watches.close();
  watches.close();
  expect([(await pending).done, (await b.next()).done]).toEqual([true, true]);
  expect(begun.map((one) => one.ended)).toEqual([1, 1]);
  expect((await watch("user").next()).done).toBe(true);
  expect((await watch("user", AbortSignal.abort()).next()).done).toBe(true);
  expect(begun.length).toBe(2);
});

test("an aborted signal begins nothing", async () => {
  const { watch, begun } = shared();
  expect((await watch("user", AbortSignal.abort()).next()).done).toBe(true);
  expect(begun).toEqual([]);
});

test("what tells, ends or fails while it begins does no harm", async () => {
  const abort = new AbortController();
  let ended = 0;
  const watches = new SharedWatches((service, tell) => {
    tell.found(at(1));
    if (service === "bad") throw new Error("cannot begin");
    if (service === "over") abort.abort();
    return () => {
      ended++;
    };
  });
  const of = (service: string, signal = never) => watches.watch(service, signal)[Symbol.asyncIterator]();
  expect((await of("user").next()).value).toEqual(at(1));
  expect((await of("bad").next()).value).toMatchObject({
    ...at(1),
    stale: true,
    error: new Error("cannot begin"),
  });
  expect((await of("over", abort.signal).next()).done).toBe(true);
  expect(ended).toBe(1);
  expect(watches.services).toEqual(["user", "bad"]);
});
