import { expect, test } from "vitest";
import { harness, instance } from "../../test/harness.ts";

/** The local time of the fake clock, which a time zone shifts. */
const TIME = /^\d\d:\d\d:\d\d/gm;

test("what is there, then what comes, changes and goes, until Ctrl-C", async () => {
  const { backplane, interrupt, stdout, run } = harness();
  backplane.instances = [instance("user", 1)];
  const done = run("watch", "user");
  await stdout.until("user-1");
  backplane.instances = [instance("user", 1, { status: "draining" }), instance("user", 2, { weight: 3 })];
  backplane.publish();
  await stdout.until("user-2");
  backplane.instances = [instance("user", 2, { weight: 5, zone: "b" })];
  backplane.publish();
  await stdout.until("weight");
  interrupt.abort();
  expect(await done).toBe(130);
  expect(stdout.text.replace(TIME, "TIME")).toBe(
    `registry local:/run/skein, service user; Ctrl-C ends
TIME  + user 1.0.0  tcp://127.0.0.1:1  serving  user-1
TIME  ~ user 1.0.0  tcp://127.0.0.1:1  serving → draining  user-1
TIME  + user 1.0.0  tcp://127.0.0.1:2  serving  user-2
TIME  - user 1.0.0  tcp://127.0.0.1:1  gone  user-1
TIME  ~ user 1.0.0  tcp://127.0.0.1:2  weight 3 → 5, zone - → b  user-2
`,
  );
  expect(backplane.watches).toBe(0);
});

test("a line for programs: no head, whole records", async () => {
  const { backplane, interrupt, stdout, run } = harness();
  backplane.instances = [instance("user", 1)];
  const done = run("watch", "user", "--json");
  await stdout.until("added");
  backplane.publish({ instances: [], stale: true, error: new Error("no answer") });
  backplane.publish({ instances: [], stale: true });
  await stdout.until("removed");
  interrupt.abort();
  expect(await done).toBe(130);
  const lines = stdout.text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines).toEqual([
    { time: "2026-11-01T12:03:00.000Z", event: "added", instance: instance("user", 1) },
    { time: "2026-11-01T12:03:00.000Z", event: "stale", service: "user", error: "no answer" },
    { time: "2026-11-01T12:03:00.000Z", event: "removed", instance: instance("user", 1) },
  ]);
});

test("without a name all services, those that come later too", async () => {
  const { backplane, clock, interrupt, stdout, run } = harness();
  backplane.instances = [instance("user", 1)];
  const done = run("watch");
  await stdout.until("user-1");
  backplane.instances = [...backplane.instances, instance("order", 2)];
  await clock.pause();
  clock.advance(1000);
  await stdout.until("order-2");
  expect(backplane.watches).toBe(2);
  interrupt.abort();
  expect(await done).toBe(130);
  expect([backplane.watches, clock.timers, backplane.closed]).toEqual([0, 0, 1]);
});

test("a registry that cannot list is said and asked again", async () => {
  const { backplane, clock, interrupt, stdout, stderr, run } = harness();
  const { list } = backplane.registry;
  const done = run("watch");
  await stdout.until("Ctrl-C");
  await clock.pause();
  backplane.registry.list = () => Promise.reject(new Error("no answer"));
  clock.advance(1000);
  await stderr.until("no answer");
  await clock.pause();
  backplane.registry.list = list;
  backplane.instances = [instance("user", 1)];
  clock.advance(1000);
  await stdout.until("user-1");
  interrupt.abort();
  expect(await done).toBe(130);
});

test("a watch that fails ends the command", async () => {
  const { backplane, stderr, run } = harness();
  backplane.instances = [instance("user", 1)];
  backplane.registry.watch = () => {
    throw new Error("watch broke");
  };
  expect(await run("watch")).toBe(1);
  expect(stderr.text).toBe("watch broke\n");
});
