import { TcpProxy } from "@skein/conformance/node";
import { afterAll, describe, expect, test } from "vitest";
import { EtcdServer, etcdBinary } from "../../etcd/src/test/etcd-server.ts";
import { Gateway } from "../../etcd/src/test/gateway.ts";
import { printTable, row } from "./fault-table.ts";
import { World } from "./world.ts";

const TTL_MS = 3000;
/** After healing: a third of the TTL, and a second. A busy machine gets twice that. */
const BACK_MS = TTL_MS / 3 + 1000;
/** The whole table: `npm run test:servers`. */
const all = process.env.SKEIN_TEST_EXTENDED === "true";
const extended = test.skipIf(!all);
const pass = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** No call failed, all are registered in time, and the view of those who watch is exact. */
async function healed(world: World, fault: string, allowed = BACK_MS): Promise<void> {
  const began = performance.now();
  await world.registered();
  const registered = performance.now() - began;
  await world.exact();
  const exact = performance.now() - began;
  row(fault, world.calls, world.failed, Math.max(registered, exact), allowed);
  expect(world.failures).toEqual([]);
  expect(registered, "registered again").toBeLessThan(2 * allowed);
  expect(exact, "the view is exact").toBeLessThan(2 * allowed);
  // The watch is alive, whatever was done to it.
  await world.replaceOne();
  await world.exact(BACK_MS + TTL_MS);
  expect(world.failures).toEqual([]);
}

describe.skipIf(etcdBinary() === undefined)(
  "a real etcd under faults: no call fails, everybody is back",
  () => {
    afterAll(() => printTable(`etcd, TTL ${TTL_MS / 1000} s`));

    async function single(flags: readonly string[] = []): Promise<EtcdServer & AsyncDisposable> {
      const server = await EtcdServer.create(flags);
      await server.start();
      return Object.assign(server, { [Symbol.asyncDispose]: () => server.close() });
    }

    const outages: [string, number, boolean][] = [
      ["half a TTL", TTL_MS / 2, false],
      ["5 s", 5000, false],
      ["2 x TTL", 2 * TTL_MS, true],
      ["3 x TTL", 3 * TTL_MS, false],
      ["60 s", 60_000, true],
    ];
    test.each(outages.filter(([, , long]) => all || !long))(
      "killed with -9 for %s",
      async (name, ms) => {
        await using server = await single();
        await using world = await World.start(server.url, TTL_MS);
        await server.kill();
        await pass(ms);
        await server.start();
        await healed(world, `kill -9, back after ${name}`);
      },
      120_000,
    );

    extended(
      "stopped for 15 s",
      async () => {
        await using server = await single();
        await using world = await World.start(server.url, TTL_MS);
        server.stop();
        await pass(15_000);
        server.resume();
        await healed(world, "SIGSTOP for 15 s");
      },
      60_000,
    );

    test("its data wiped", async () => {
      await using server = await single();
      const gateway = new Gateway(server.address);
      // So that the revision goes backwards far.
      for (let n = 0; n < 50; n++) await gateway.put(`/other/${n}`, "x");
      await using world = await World.start(server.url, TTL_MS);
      await server.wipe();
      await pass(500);
      await server.start();
      await healed(world, "killed, data wiped");
    }, 60_000);

    test("compacted while we were cut off", async () => {
      await using server = await single();
      const proxy = await new TcpProxy(server.address).open();
      const gateway = new Gateway(server.address);
      await using world = await World.start(`etcd://127.0.0.1:${proxy.port}`, TTL_MS);
      await proxy.cut();
      for (let n = 0; n < 20; n++) await gateway.put(`/services/echo/1.0.0/10.0.0.1:${n + 1}`, "active");
      await gateway.remove("/services/echo/1.0.0/10.0.0.1:");
      await gateway.compact(await gateway.revision());
      await pass(TTL_MS / 3);
      await proxy.heal();
      await healed(world, "cut off, compacted meanwhile");
      await proxy.cut();
    }, 60_000);

    test(`all leases revoked by hand, ${all ? 100 : 10} times: registered again soon each time`, async () => {
      await using server = await single();
      const gateway = new Gateway(server.address);
      await using world = await World.start(server.url, TTL_MS);
      let slowest = 0;
      for (let n = 0; n < (all ? 100 : 10); n++) {
        await gateway.revokeAll();
        slowest = Math.max(slowest, await world.registered(), await world.exact());
        expect(slowest).toBeLessThan(2000);
      }
      row(`${all ? 100 : 10} x all leases revoked (slowest)`, world.calls, world.failed, slowest, 1000);
      expect(world.failures).toEqual([]);
    }, 120_000);

    test("a key deleted by hand is put again", async () => {
      await using server = await single();
      const gateway = new Gateway(server.address);
      await using world = await World.start(server.url, TTL_MS);
      await gateway.remove("/services/echo/");
      await healed(world, "keys deleted by hand", 1000);
    }, 60_000);

    test(`authentication on, restarted ${all ? 10 : 3} times`, async () => {
      // Tokens live in memory: each restart ends them.
      await using server = await single();
      const gateway = new Gateway(server.address);
      await gateway.ask("auth/user/add", { name: "root", password: "hunter2" });
      await gateway.ask("auth/user/grant", { user: "root", role: "root" });
      await gateway.ask("auth/role/add", { name: "services" });
      await gateway.ask("auth/role/grant", {
        name: "services",
        perm: { permType: "READWRITE", key: btoa("/services/"), range_end: btoa("/services0") },
      });
      await gateway.ask("auth/user/add", { name: "app", password: "s3cr:t/@" });
      await gateway.ask("auth/user/grant", { user: "app", role: "services" });
      await gateway.ask("auth/enable");
      const userinfo = `app:${encodeURIComponent("s3cr:t/@")}`;
      await using world = await World.start(`etcd://${userinfo}@${server.address}`, TTL_MS);
      let slowest = 0;
      for (let n = 0; n < (all ? 10 : 3); n++) {
        await server.kill();
        await server.start();
        const began = performance.now();
        await world.registered();
        await world.exact();
        slowest = Math.max(slowest, performance.now() - began);
        expect(slowest).toBeLessThan(2 * BACK_MS);
      }
      row("authentication on, restarts (slowest)", world.calls, world.failed, slowest, BACK_MS);
      expect(world.failures).toEqual([]);
    }, 120_000);

    test("two endpoints, one of them dead", async () => {
      await using server = await single();
      const dead = await EtcdServer.create();
      await using world = await World.start(`etcd://${dead.address},${server.address}`, TTL_MS);
      await pass(2 * TTL_MS);
      await healed(world, "one of two endpoints dead for 2 x TTL");
      await dead.close();
    }, 60_000);

    test("three members, the leader killed", async () => {
      const members = await EtcdServer.cluster(3);
      try {
        await Promise.all(members.map((m) => m.start()));
        await using world = await World.start(`etcd://${members.map((m) => m.address).join(",")}`, TTL_MS);
        const leader = await leaderOf(members);
        await leader.kill();
        await newLeader(members.filter((m) => m !== leader));
        await healed(world, "three members, the leader killed");
      } finally {
        await Promise.all(members.map((m) => m.close()));
      }
    }, 60_000);

    extended(
      "three members, the leader stopped for 15 s",
      async () => {
        const members = await EtcdServer.cluster(3);
        try {
          await Promise.all(members.map((m) => m.start()));
          await using world = await World.start(`etcd://${members.map((m) => m.address).join(",")}`, TTL_MS);
          const leader = await leaderOf(members);
          leader.stop();
          await pass(15_000);
          leader.resume();
          await healed(world, "three members, the leader stopped for 15 s");
        } finally {
          await Promise.all(members.map((m) => m.close()));
        }
      },
      60_000,
    );
  },
);

async function leads(member: EtcdServer): Promise<boolean> {
  const status = (await new Gateway(member.address).ask("maintenance/status")) as {
    header: { member_id: string };
    leader: string;
  };
  return status.header.member_id === status.leader;
}

async function leaderOf(members: readonly EtcdServer[]): Promise<EtcdServer> {
  for (const member of members) if (await leads(member)) return member;
  throw new Error("no member leads");
}

/** Resolves once one of those left leads. */
async function newLeader(left: readonly EtcdServer[]): Promise<void> {
  for (;;) {
    for (const member of left) if (await leads(member).catch(() => false)) return;
    await pass(20);
  }
}
