import { sampleInstance } from "@skein/conformance";
import { createFakeRuntime } from "@skein/core/testing";
import { beforeEach, expect, test } from "vitest";
import { kvKeys } from "./kv-keys.ts";
import { KvLease } from "./kv-lease.ts";
import type { Outcome } from "./kv-store.ts";

const TTL_MS = 3000;
let runtime: ReturnType<typeof createFakeRuntime>;
let did: string[];
/** What a renewal finds, by id. */
let found: Map<string, Outcome["is"]>;
let slowMs: number;
let fails: boolean;
let removalFails: boolean;
let ended: number;
let lease: KvLease;
beforeEach(() => {
  runtime = createFakeRuntime();
  did = [];
  found = new Map();
  slowMs = 0;
  fails = false;
  removalFails = false;
  ended = 0;
  let sequence = 0;
  const late = async (): Promise<void> => {
    if (slowMs > 0) await new Promise<void>((resolve) => runtime.clock.setTimer(slowMs, resolve));
  };
  const idOf = (subject: string): string => subject.slice(subject.lastIndexOf(".") + 1);
  const store = {
    keys: kvKeys("b", "skein", undefined),
    ready: async () => ({ drops: true, maxAgeMs: 0, nowMs: 0 }),
    async put(subject: string) {
      did.push(`put ${idOf(subject)}`);
      await late();
      if (fails) throw new Error("no answer");
      did.push(`was put ${idOf(subject)}`);
      return ++sequence;
    },
    async replace(subject: string, _: unknown, known: number | undefined): Promise<Outcome> {
      did.push(`renew ${idOf(subject)} ${known}`);
      await late();
      const is = found.get(idOf(subject)) ?? "ours";
      return is === "ours" ? { is, sequence: ++sequence } : { is };
    },
    async remove(subject: string, _: string, known: number | undefined) {
      did.push(`remove ${idOf(subject)} ${known}`);
      if (removalFails) throw new Error("no answer");
    },
  };
  lease = new KvLease(TTL_MS, store, runtime, () => void ended++);
});
const pass = (ms: number): Promise<void> => runtime.clock.advanceAsync(ms);
const instance = (id: string) => sampleInstance("user", { id });
async function put(...ids: string[]): Promise<void> {
  const all = Promise.all(ids.map((id) => lease.put(instance(id))));
  await pass(slowMs);
  await all;
  did = [];
}

test("what is done to a key is done one after the other: a release waits for a registration", async () => {
  slowMs = 100;
  const putting = lease.put(instance("a"));
  await pass(10);
  const released = lease.release();
  await pass(200);
  await Promise.all([putting, released]);
  expect(did).toEqual(["put a", "was put a", "remove a 1"]);
  expect(ended).toBe(1);
});

test("a renewal that is on its way when its instance leaves does not bring it back", async () => {
  await put("a");
  slowMs = 100;
  const renewed = lease.renew();
  await pass(10);
  const removed = lease.remove("a");
  await pass(200);
  expect(await renewed).toBe("held");
  await removed;
  // The sequence of the renewal.
  expect(did).toEqual(["renew a 1", "remove a 2"]);
});

test("one that a successor took over is left to it, one that is gone loses the lease", async () => {
  await put("a", "b");
  found.set("a", "others");
  expect(await lease.renew()).toBe("held");
  did = [];
  expect(await lease.renew()).toBe("held");
  expect(did).toEqual(["renew b 3"]);
  found.set("b", "gone");
  expect(await lease.renew()).toBe("lost");
  expect(ended).toBe(1);
  await expect(lease.put(instance("c"))).rejects.toMatchObject({ name: "LeaseLostError" });
});

test("what could not be put does not lose the lease", async () => {
  await put("a");
  fails = true;
  await expect(lease.put(instance("b"))).rejects.toThrow("no answer");
  found.set("b", "gone");
  expect(await lease.renew()).toBe("held");
  await lease.remove("b");
  expect(did.at(-1)).toBe("remove b undefined");
});

test("a removal that failed is repeated, and not renewed meanwhile", async () => {
  await put("a", "b");
  removalFails = true;
  await expect(lease.remove("a")).rejects.toThrow("no answer");
  await expect(lease.remove("a")).rejects.toThrow("no answer");
  expect(await lease.renew()).toBe("held");
  removalFails = false;
  await lease.remove("a");
  await lease.remove("a");
  expect(did).toEqual(["remove a 1", "remove a 1", "renew b 2", "remove a 1"]);
});

test("a removal that failed is repeated when connected again, and on release", async () => {
  await put("a", "b");
  removalFails = true;
  await expect(lease.remove("a")).rejects.toThrow("no answer");
  await lease.reconnected();
  removalFails = false;
  await lease.release();
  expect(did).toEqual(["remove a 1", "remove a 1", "renew b 2", "remove a 1", "remove b 3"]);
});

test("one that is put again after its removal failed stays", async () => {
  await put("a");
  removalFails = true;
  await expect(lease.remove("a")).rejects.toThrow("no answer");
  await lease.put(instance("a"));
  await lease.reconnected();
  expect(did).toEqual(["remove a 1", "put a", "was put a", "renew a 2"]);
});

test("one that changes its service leaves the former, also where that failed at first", async () => {
  await put("a");
  removalFails = true;
  const other = sampleInstance("other", { id: "a" });
  await expect(lease.put(other)).rejects.toThrow("no answer");
  removalFails = false;
  await lease.put(other);
  expect(did).toEqual(["put a", "was put a", "remove a 1", "put a", "was put a", "remove a 1"]);
});

test("connected again: renewed at once, and the keeper is told at once where the records are gone", async () => {
  const lost: string[] = [];
  lease.onLost = (reason) => void lost.push(reason);
  await lease.reconnected();
  await put("a");
  await lease.reconnected();
  expect([did, lost]).toEqual([["renew a 1"], []]);
  found.set("a", "gone");
  await lease.reconnected();
  expect(lost).toEqual(["its records are gone"]);
});

test("not renewed for a TTL: lost, and never brought back", async () => {
  await put("a");
  await pass(TTL_MS);
  await lease.reconnected();
  expect(await lease.renew()).toBe("lost");
  expect([did, ended]).toEqual([[], 1]);
});
