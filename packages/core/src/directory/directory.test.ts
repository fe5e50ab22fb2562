import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Instance, Snapshot } from "../instance.ts";
import { type Logger, silentLogger } from "../runtime.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { createDirectory } from "./directory.ts";

const TTL = 1000;
const instance = (id: string, given: Partial<Instance> = {}): Instance => ({
  service: "user",
  version: "1.0.0",
  id,
  addresses: [{ protocol: "skein", url: `tcp://${id}` }],
  weight: 1,
  status: "serving",
  startedAt: "",
  metadata: {},
  ...given,
});
function world() {
  const clock = new FakeClock();
  const changes: string[][] = [];
  const lines: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (_, m) => void lines.push(m),
    warn: (_, m) => void lines.push(m),
  };
  const directory = createDirectory({
    service: "user",
    clock,
    logger,
    ttlMs: TTL,
    onChange: (all) => void changes.push(all.map((i) => i.id)),
  });
  let revision = 0;
  return {
    clock,
    changes,
    lines,
    directory,
    ids: () => directory.instances.map((i) => i.id).sort(),
    list: (...all: (string | Instance)[]): void =>
      directory.apply({
        instances: all.map((i) => (typeof i === "string" ? instance(i) : i)),
        revision: ++revision,
      }),
    fail: (): void =>
      directory.apply({ instances: [], revision: Number.NaN, stale: true, error: new Error("refused") }),
    reset: (): void => directory.apply({ instances: [], revision: 0 }),
  };
}

test("additions apply at once; the same snapshot changes nothing", () => {
  const w = world();
  w.list("a", "b");
  w.list("a", "b");
  w.list("a", "b", "c");
  expect(w.changes).toEqual([
    ["a", "b"],
    ["a", "b", "c"],
  ]);
});

test("an explicit deregistration stops picks at once, whatever the connection", () => {
  const w = world();
  w.list("a", "b", "c", "d");
  w.directory.connection("a", "up");
  w.list(instance("a", { status: "draining" }), "b", "c", "d");
  expect(w.ids()).toEqual(["b", "c", "d"]);
  w.list("b", "c", "d");
  expect(w.ids()).toEqual(["b", "c", "d"]);
  expect(w.lines.at(-1)).toBe("instance went");
});

describe("a removal by expiry", () => {
  test("goes at once when nothing is known of its connection", () => {
    const w = world();
    w.list("a", "b", "c", "d");
    w.list("b", "c", "d");
    expect(w.ids()).toEqual(["b", "c", "d"]);
  });
  test("is held while the connection is up, until that fails", () => {
    const w = world();
    w.list("a", "b", "c", "d");
    w.directory.connection("a", "up");
    w.list("b", "c", "d");
    expect(w.ids()).toEqual(["a", "b", "c", "d"]);
    w.clock.advance(3 * TTL - 1);
    expect(w.ids()).toEqual(["a", "b", "c", "d"]);
    w.directory.connection("a", "down");
    expect(w.ids()).toEqual(["b", "c", "d"]);
  });
  test("is held for three TTLs at the most", () => {
    const w = world();
    w.list("a", "b", "c", "d");
    w.directory.connection("a", "up");
    w.list("b", "c", "d");
    w.clock.advance(3 * TTL);
    expect(w.ids()).toEqual(["b", "c", "d"]);
  });
  test("is forgotten when the instance is listed again", () => {
    const w = world();
    w.list("a", "b", "c", "d");
    w.directory.connection("a", "up");
    w.list("b", "c", "d");
    w.list("a", "b", "c", "d");
    w.clock.advance(10 * TTL);
    expect(w.ids()).toEqual(["a", "b", "c", "d"]);
  });
});

describe("static stability", () => {
  test("errors change nothing, for hours", () => {
    const w = world();
    w.list("a", "b");
    w.fail();
    w.clock.advance(3_600_000);
    w.fail();
    expect(w.ids()).toEqual(["a", "b"]);
    expect(w.directory.stale).toBe(true);
    expect(w.lines.filter((l) => l.startsWith("the registry cannot")).length).toBe(1);
  });
  test("an empty answer is held, unless the connections failed", () => {
    const w = world();
    w.list("a", "b", "c");
    w.directory.connection("b", "down");
    w.list();
    expect(w.ids()).toEqual(["a", "c"]);
    w.clock.advance(3 * TTL);
    expect(w.ids()).toEqual([]);
  });
  test("an empty answer is held for a service of one, too", () => {
    const w = world();
    w.list("a");
    w.list();
    expect(w.ids()).toEqual(["a"]);
    w.directory.connection("a", "down");
    expect(w.ids()).toEqual([]);
  });
  test("three of ten, one by one, are no mass removal; a fourth within 10 s is", () => {
    const all = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    const w = world();
    for (let gone = 0; gone <= 4; gone++) w.list(...all.slice(gone));
    expect(w.ids()).toEqual(all.slice(3));
    const slow = world();
    for (let gone = 0; gone <= 4; gone++) {
      slow.list(...all.slice(gone));
      slow.clock.advance(5000);
    }
    expect(slow.ids()).toEqual(all.slice(4));
  });
  test("a first answer that is stale brings those known before; later ones bring nobody", () => {
    const w = world();
    const stale = (...ids: string[]): void =>
      w.directory.apply({ instances: ids.map((id) => instance(id)), revision: 1, stale: true });
    stale("a", "b");
    expect([w.ids(), w.directory.known]).toEqual([["a", "b"], true]);
    stale("c");
    expect(w.ids()).toEqual(["a", "b"]);
  });
  test("more than 30 % within 10 s is a fault of the registry", () => {
    const w = world();
    w.list("a", "b", "c", "d", "e");
    w.list("b", "c", "d", "e");
    expect(w.ids()).toEqual(["b", "c", "d", "e"]);
    w.list("c", "d", "e");
    expect(w.ids()).toEqual(["b", "c", "d", "e"]);
    w.clock.advance(3 * TTL);
    expect(w.ids()).toEqual(["c", "d", "e"]);
  });
  test("a registry that was reset takes nobody along", () => {
    const w = world();
    w.list("a");
    w.list("a", "b");
    w.directory.apply({ instances: [instance("b")], revision: 1 });
    expect(w.ids()).toEqual(["a", "b"]);
  });
});

test("the same id at another address is another instance", () => {
  const w = world();
  w.list("a");
  w.directory.apply({
    instances: [instance("a", { addresses: [{ protocol: "skein", url: "tcp://other" }] })],
    revision: 9,
  });
  expect(w.directory.instances.length).toBe(1);
  expect(w.directory.instances[0]?.addresses[0]?.url).toBe("tcp://other");
});

test("known, ever listed", () => {
  const w = world();
  expect([w.directory.known, w.directory.everListed]).toEqual([false, false]);
  w.list();
  expect([w.directory.known, w.directory.everListed]).toEqual([true, false]);
  w.list("a");
  expect(w.directory.everListed).toBe(true);
});

test("after any history of drops, repeats and errors the view is what the registry has, once three TTLs have passed", () => {
  const ids = fc.subarray(["a", "b", "c", "d", "e", "f"]);
  const step = fc.oneof(
    fc.record({ do: fc.constant("list" as const), ids }),
    fc.record({ do: fc.constantFrom("up" as const, "down" as const), id: fc.constantFrom("a", "b", "c") }),
    fc.record({ do: fc.constant("fail" as const) }),
    fc.record({ do: fc.constant("wait" as const), ms: fc.constantFrom(1, TTL, 4 * TTL) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), ids, (steps, last) => {
      const w = world();
      let seen: Snapshot["instances"] = [];
      for (const s of steps) {
        if (s.do === "list") {
          seen = s.ids.map((id) => instance(id));
          w.list(...seen);
          for (const i of seen) expect(w.ids()).toContain(i.id);
        } else if (s.do === "wait") w.clock.advance(s.ms);
        else if (s.do === "fail") {
          const before = w.ids();
          w.fail();
          expect(w.ids()).toEqual(before);
        } else w.directory.connection(s.id, s.do);
      }
      w.list(...last);
      w.clock.advance(3 * TTL);
      expect(w.ids()).toEqual([...last].sort());
    }),
    { numRuns: 2000 },
  );
});

test("one that has moved is there twice while its old address holds, and the newer goes by itself", () => {
  const w = world();
  const moved = instance("a", { addresses: [{ protocol: "skein", url: "tcp://other" }] });
  const urls = () => w.directory.instances.map((i) => i.addresses[0]?.url);
  w.list("a", "b", "c", "d");
  w.directory.connection("a", "up");
  w.list(moved, "b", "c", "d");
  expect(urls()).toEqual(expect.arrayContaining(["tcp://a", "tcp://other"]));
  w.directory.connection("a", "down");
  expect(urls()).not.toContain("tcp://a");
  w.list("b", "c", "d");
  expect(w.ids()).toEqual(["b", "c", "d"]);
});

test("what an instance says of itself is told as soon as anything in it is another, and not for another object", () => {
  const w = world();
  w.list("a", "b");
  w.list(instance("a", { metadata: { k: "1" } }), "b");
  w.list(instance("a", { metadata: { k: "1" } }), "b");
  w.list(instance("a", { metadata: { k: "1" }, startedAt: "later" }), "b");
  w.list(instance("a", { addresses: [{ protocol: "http", url: "tcp://a" }] }), "b");
  expect(w.changes).toHaveLength(4);
  expect(w.directory.instances[0]?.addresses[0]?.protocol).toBe("http");
});

test("one that is listed many times counts once: it hides no mass removal", () => {
  const w = world();
  w.list("a", "b", "c", "d", "e");
  w.list(...Array.from({ length: 20 }, () => "a"));
  expect(w.ids()).toEqual(["a", "b", "c", "d", "e"]);
});
