import { createFakeRuntime } from "@skein/core/testing";
import { expect, test } from "vitest";
import { INSTANCE } from "../test/ask-centre.ts";
import { CentreStore } from "./store.ts";
import { Watchers } from "./watchers.ts";

function made() {
  const { clock, uniqueId } = createFakeRuntime();
  const store: CentreStore = new CentreStore({
    ...{ clock, uniqueId, revision: 1 },
    onChange: (namespace, service) => watchers.changed(namespace, service),
  });
  const watchers = new Watchers(store, clock);
  const put = (id: string, ttlMs = 30_000, service = "user"): string => {
    const lease = store.grant(ttlMs)?.id as string;
    const instance = { ...INSTANCE, status: "serving" as const, service, id };
    store.put(lease, { namespace: "default", instance });
    watchers.arm();
    return lease;
  };
  const seen: number[] = [];
  const add = () => watchers.add("default", "user", () => void seen.push(store.of("default", "user").length));
  return { clock, store, watchers, put, seen, add };
}

test("changes that come together wake once, and no other service's", () => {
  const { clock, put, seen, add } = made();
  add();
  for (let n = 0; n < 10; n++) put(`i${n}`);
  put("other", 30_000, "order");
  clock.advance(0);
  expect(seen).toEqual([10]);
  put("i10");
  clock.advance(24);
  expect(seen).toEqual([10]);
  put("i11");
  clock.advance(1);
  expect(seen).toEqual([10, 12]);
  clock.advance(1000);
  expect(seen).toEqual([10, 12]);
});

test("who watches is woken when a time is over: the shortest first, the renewed later", () => {
  const { clock, store, put, seen, add } = made();
  const renewed = put("renewed", 3000);
  put("long", 20_000);
  add();
  put("short", 1000);
  clock.advance(999);
  expect(seen).toEqual([3]);
  clock.advance(1);
  clock.advance(0);
  expect(seen).toEqual([3, 2]);
  store.heartbeat(renewed);
  clock.advance(2999);
  expect(seen).toEqual([3, 2]);
  clock.advance(1);
  clock.advance(0);
  expect(seen).toEqual([3, 2, 1]);
});

test("what is answered is made once a change, and forgotten when nobody watches", () => {
  const { watchers, put, add } = made();
  const stop = add();
  put("a");
  const view = watchers.view("default", "user");
  expect(JSON.parse(view.json.toString())).toMatchObject({ index: view.revision, instances: [{ id: "a" }] });
  expect(watchers.view("default", "user")).toBe(view);
  put("b");
  const next = watchers.view("default", "user");
  expect([next === view, next.revision > view.revision]).toEqual([false, true]);
  watchers.sweep();
  expect(watchers.view("default", "user")).toBe(next);
  stop();
  expect(watchers.size).toBe(0);
  watchers.sweep();
  expect(watchers.view("default", "user")).not.toBe(next);
});

test("close wakes everybody a last time, and leaves no timer", () => {
  const { clock, watchers, put, seen, add } = made();
  add();
  add();
  put("a");
  watchers.close();
  expect([seen, watchers.closed, clock.timers]).toEqual([[1, 1], true, 0]);
  put("b");
  clock.advance(60_000);
  expect(seen).toEqual([1, 1]);
});
