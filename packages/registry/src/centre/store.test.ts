import type { Instance } from "@skein/core";
import { createFakeRuntime, type FakeRuntime } from "@skein/core/testing";
import { describe, expect, test } from "vitest";
import { CentreStore, type StoredLease, type StoreOptions } from "./store.ts";

const TTL = 30_000;

function instance(service: string, id: string, given: Partial<Instance> = {}): Instance {
  return {
    service,
    version: "1.0.0",
    id,
    addresses: [{ protocol: "skein", url: "tcp://127.0.0.1:1234" }],
    weight: 1,
    status: "serving",
    startedAt: "2026-01-01T00:00:00.000Z",
    metadata: {},
    ...given,
  };
}

function made(given: Partial<StoreOptions> = {}, seed = 1) {
  const runtime: FakeRuntime = createFakeRuntime(seed);
  const changes: string[] = [];
  const store = new CentreStore({
    clock: runtime.clock,
    uniqueId: runtime.uniqueId,
    revision: 1000,
    onChange: (namespace, service) => void changes.push(`${namespace}/${service}`),
    ...given,
  });
  const lease = (ttlMs = TTL, byHand = false): StoredLease => store.grant(ttlMs, byHand) as StoredLease;
  const ids = (service = "user", namespace = "default"): string[] =>
    store.of(namespace, service).map((r) => r.instance.id);
  const put = (on: StoredLease, i: Instance, namespace = "default") =>
    store.put(on.id, { namespace, instance: i });
  return { runtime, clock: runtime.clock, store, changes, lease, ids, put };
}

describe("leases", () => {
  test("a record is there until the TTL after the last heartbeat, and not a moment longer", () => {
    const { clock, store, lease, ids, put } = made();
    const held = lease();
    put(held, instance("user", "a"));
    clock.advance(20_000);
    expect(store.heartbeat(held.id)?.lastHeartbeat).toBe(clock.now());
    clock.advance(TTL - 1);
    expect(ids()).toEqual(["a"]);
    clock.advance(1);
    expect(ids()).toEqual([]);
    expect(store.heartbeat(held.id)).toBeUndefined();
    expect(put(held, instance("user", "a"))).toBe("lost");
    expect({ leases: store.leases, records: store.records }).toEqual({ leases: 0, records: 0 });
  });

  test("a step of the wall clock ends none", () => {
    const { clock, lease, ids, put } = made();
    put(lease(), instance("user", "a"));
    clock.wallOffsetMs += 86_400_000;
    expect(ids()).toEqual(["a"]);
    clock.wallOffsetMs -= 2 * 86_400_000;
    expect(ids()).toEqual(["a"]);
  });

  test("each has its own TTL; a heartbeat renews all that is under one", () => {
    const { clock, store, lease, ids, put } = made();
    const short = lease(1000);
    const long = lease(60_000);
    put(short, instance("user", "s"));
    put(long, instance("user", "l1"));
    put(long, instance("order", "l2"));
    clock.advance(1000);
    expect(ids()).toEqual(["l1"]);
    clock.advance(58_000);
    store.heartbeat(long.id);
    clock.advance(59_999);
    expect([...ids(), ...ids("order")]).toEqual(["l1", "l2"]);
  });

  test("time in which the process stood still, and could hear nobody, is excused", () => {
    const { clock, store, lease, ids, put } = made();
    put(lease(), instance("user", "a"));
    const second = (): void => {
      clock.advance(1000);
      store.tick();
    };
    for (let n = 0; n < 10; n++) second();
    clock.advance(40_000);
    expect(ids()).toEqual(["a"]);
    expect(store.nextExpiry).toBe(TTL + 40_000);
    for (let n = 0; n < 19; n++) second();
    expect(ids()).toEqual(["a"]);
    // A second of the 40 was none of standing still.
    second();
    second();
    expect(ids()).toEqual([]);
  });

  test("too many leases or records are refused", () => {
    const { clock, store, lease, put } = made({ most: 2 });
    const held = lease(1000);
    lease();
    expect(store.grant(TTL)).toBeUndefined();
    put(held, instance("user", "a"));
    put(held, instance("user", "b"));
    expect(put(held, instance("user", "c"))).toBe("full");
    expect(put(held, instance("user", "b", { weight: 2 }))).toBe("put");
    clock.advance(1000);
    expect(store.grant(TTL)).toBeDefined();
  });
});

describe("records", () => {
  test("who puts an id last owns it: the one before takes nothing away", () => {
    const { clock, store, lease, ids, put } = made();
    const [old, successor] = [lease(), lease(2 * TTL)];
    put(old, instance("user", "a"));
    put(old, instance("user", "b"));
    put(successor, instance("user", "a"));
    put(successor, instance("user", "b", { weight: 2 }));
    expect(store.remove(old.id, "default", "a")).toBe(false);
    expect(store.release(old.id)).toBe(true);
    expect(ids()).toEqual(["a", "b"]);
    clock.advance(TTL + 1);
    expect(ids()).toEqual(["a", "b"]);
    expect(store.remove(successor.id, "default", "a")).toBe(true);
    expect(ids()).toEqual(["b"]);
  });

  test("an id that goes over to another service leaves the first", () => {
    const { store, lease, ids, put, changes } = made();
    const held = lease();
    put(held, instance("user", "a"));
    put(held, instance("order", "a"));
    expect([ids(), ids("order"), store.records]).toEqual([[], ["a"], 1]);
    expect(changes).toEqual(["default/user", "default/user", "default/order"]);
  });

  test("namespaces are apart", () => {
    const { store, lease, ids, put } = made();
    const held = lease();
    put(held, instance("user", "a"), "blue");
    put(held, instance("user", "a"), "green");
    store.remove(held.id, "blue", "a");
    expect([ids("user", "blue"), ids("user", "green")]).toEqual([[], ["a"]]);
    expect([...store.services("green").keys()]).toEqual(["user"]);
    expect([...store.services("blue").keys()]).toEqual([]);
  });

  test("a lease by hand ends with its record, and not when that is replaced under it", () => {
    const { store, lease, put } = made();
    const first = lease(TTL, true);
    put(first, instance("user", "a"));
    put(first, instance("user", "a", { weight: 2 }));
    expect(store.lease(first.id)).toBeDefined();
    const second = lease(TTL, true);
    put(second, instance("user", "a", { weight: 2 }));
    expect([store.lease(first.id), store.leases]).toEqual([undefined, 1]);
    store.remove(second.id, "default", "a");
    expect(store.leases).toBe(0);
  });
});

describe("revisions", () => {
  test("grow with what can be seen, of that service only", () => {
    const { clock, store, lease, put, changes } = made();
    const held = lease();
    put(held, instance("user", "a"));
    const user = store.revisionOf("default", "user");
    put(held, instance("order", "b"));
    expect(store.revisionOf("default", "user")).toBe(user);
    put(held, instance("user", "a"));
    put(lease(), instance("user", "a"));
    store.heartbeat(held.id);
    expect([store.revisionOf("default", "user"), changes.length]).toEqual([user, 2]);
    clock.advance(TTL);
    expect(store.revisionOf("default", "user")).toBeGreaterThan(user);
    expect(changes.length).toBe(4);
  });

  test("services without instances are forgotten after a while, without a step back", () => {
    const { clock, store, lease, put } = made();
    const held = lease(10 * TTL);
    put(held, instance("user", "a"));
    put(held, instance("order", "b"));
    store.remove(held.id, "default", "a");
    const gone = store.revisionOf("default", "user");
    store.sweep();
    expect([store.remembered, store.revisionOf("default", "user")]).toEqual([2, gone]);
    clock.advance(60_000);
    store.sweep();
    expect(store.remembered).toBe(1);
    expect(store.revisionOf("default", "user")).toBe(gone);
    put(held, instance("user", "c"));
    expect(store.revisionOf("default", "user")).toBeGreaterThan(gone);
  });
});

describe("restore", () => {
  test("all is as it was, with a whole TTL from now on, and revisions go on", () => {
    const before = made();
    const held = before.lease();
    before.put(held, instance("user", "a"));
    before.store.put(before.lease(1000, true).id, {
      namespace: "default",
      instance: instance("arith", "h"),
      name: "Arith",
    });
    before.clock.advance(500);
    const dump = JSON.parse(JSON.stringify(before.store.dump()));
    const after = made({ revision: 5 });
    after.store.restore(dump);
    expect(after.store.revisionOf("default", "nobody")).toBeGreaterThan(before.store.revision);
    expect(after.store.revisionOf("default", "user")).toBeGreaterThan(before.store.revision);
    after.clock.advance(999);
    expect(after.store.services("default").get("arith")?.[0]?.name).toBe("Arith");
    after.clock.advance(1);
    expect([...after.store.services("default").keys()]).toEqual(["user"]);
    expect(after.store.heartbeat(held.id)).toBeDefined();
    after.store.remove(held.id, "default", "a");
    expect(after.ids()).toEqual([]);
  });
});

/** What a store should be, said as simply as can be: lists that are searched. */
class Model {
  leases: { id: string; ttlMs: number; until: number }[] = [];
  records: { id: string; service: string; weight: number; lease: string }[] = [];

  pass(now: number): void {
    const over = this.leases.filter((l) => l.until <= now).map((l) => l.id);
    this.leases = this.leases.filter((l) => !over.includes(l.id));
    this.records = this.records.filter((r) => !over.includes(r.lease));
  }
  put(lease: string, id: string, service: string, weight: number): void {
    if (!this.leases.some((l) => l.id === lease)) return;
    this.records = [...this.records.filter((r) => r.id !== id), { id, service, weight, lease }];
  }
  seen(service: string): string[] {
    return this.records
      .filter((r) => r.service === service)
      .map((r) => `${r.id} ${r.weight}`)
      .sort();
  }
}

const SERVICES = ["user", "order", "cart"];

test.each(Array.from({ length: 200 }, (_, n) => n + 1))("random history %i is as the model says", (seed) => {
  const { runtime, clock, store, changes } = made({}, seed);
  const model = new Model();
  const granted: string[] = [];
  const below = (n: number): number => Math.floor(runtime.random() * n);
  const one = (of: readonly string[]): string => of[below(of.length)] ?? "none";
  const seen = (service: string): string[] =>
    store
      .of("default", service)
      .map((r) => `${r.instance.id} ${r.instance.weight}`)
      .sort();
  let revisions = new Map(SERVICES.map((s) => [s, store.revisionOf("default", s)]));
  let shown = new Map(SERVICES.map((s) => [s, ""]));
  const steps: (() => void)[] = [
    () => {
      const { id, ttlMs } = store.grant(100 + below(1000)) as StoredLease;
      granted.push(id);
      model.leases.push({ id, ttlMs, until: clock.monotonic() + ttlMs });
    },
    () => {
      const lease = model.leases.find((l) => l.id === one(granted));
      if (lease === undefined) return;
      expect(store.heartbeat(lease.id)).toBeDefined();
      lease.until = clock.monotonic() + lease.ttlMs;
    },
    () => {
      const [lease, id, service, weight] = [one(granted), `i${below(8)}`, one(SERVICES), below(2)];
      store.put(lease, { namespace: "default", instance: instance(service, id, { weight }) });
      model.put(lease, id, service, weight);
    },
    () => {
      const [lease, id] = [one(granted), `i${below(8)}`];
      const known = model.records.some((r) => r.id === id && r.lease === lease);
      expect(store.remove(lease, "default", id)).toBe(known);
      model.records = model.records.filter((r) => r.id !== id || r.lease !== lease);
    },
    () => {
      const lease = one(granted);
      expect(store.release(lease)).toBe(model.leases.some((l) => l.id === lease));
      model.leases = model.leases.filter((l) => l.id !== lease);
      model.records = model.records.filter((r) => r.lease !== lease);
    },
    () => store.sweep(),
    () => {
      clock.advance(below(400));
      model.pass(clock.monotonic());
    },
  ];
  for (let n = 0; n < 300; n++) {
    steps[[0, 1, 1, 2, 2, 2, 3, 4, 5, 6, 6][below(11)] as number]?.();
    const now = new Map(SERVICES.map((s) => [s, seen(s).join()]));
    expect(now).toEqual(new Map(SERVICES.map((s) => [s, model.seen(s).join()])));
    expect(store.nextExpiry).toBeLessThanOrEqual(Math.min(...model.leases.map((l) => l.until)));
    const told = new Set(changes.splice(0));
    const next = new Map(SERVICES.map((s) => [s, store.revisionOf("default", s)]));
    for (const s of SERVICES) {
      const [before, after] = [revisions.get(s) as number, next.get(s) as number];
      expect(after).toBeGreaterThanOrEqual(before);
      if (now.get(s) === shown.get(s)) continue;
      expect(after).toBeGreaterThan(before);
      expect(told).toContain(`default/${s}`);
    }
    revisions = next;
    shown = now;
  }
});
