import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../../nats/src/test/nats-server.ts";
import { buildGo, GoPrograms, hasGo } from "./nats-micro-go.ts";

const shop = join(import.meta.dirname, "../../../examples/shop/src");

interface Told {
  readonly name: string;
  readonly id: string;
  readonly version: string;
  readonly endpoints: readonly {
    readonly name: string;
    readonly subject: string;
    readonly num_requests: number;
    readonly num_errors: number;
    readonly average_processing_time: number;
  }[];
}

describe.skipIf(natsBinary() === undefined || !hasGo)(
  "the shop over NATS alone, seen by Go's micro client",
  () => {
    let server: NatsServer;
    let directory: string;
    const ends: (() => unknown)[] = [];

    beforeAll(async () => {
      buildGo();
      directory = mkdtempSync(join(tmpdir(), "skein-nats-shop-"));
      server = await NatsServer.start();
    }, 300_000);
    afterAll(async () => {
      for (const end of ends.reverse()) await end();
      await server?.close();
      rmSync(directory, { recursive: true, force: true });
    });

    /** One of the shop's own programs, which know nothing of NATS. */
    async function start(program: string): Promise<void> {
      const child = spawn(
        process.execPath,
        ["--conditions=skein-source", "--import", "tsx", join(shop, program)],
        {
          env: {
            ...process.env,
            SKEIN_REGISTRY: server.url,
            SKEIN_LISTEN: "nats://",
            SKEIN_LOG: "warn",
            SHOP_LEDGER: join(directory, "ledger"),
          },
          stdio: ["ignore", "inherit", "inherit", "ipc"],
        },
      );
      const exited = once(child, "exit");
      ends.push(async () => {
        child.kill("SIGTERM");
        expect(await exited).toEqual([0, null]);
      });
      await Promise.race([
        once(child, "message"),
        exited.then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
      ]);
    }

    test("listed, called and measured", async () => {
      await Promise.all([start("user.main.ts"), start("user.main.ts"), start("order.main.ts")]);
      const go = new GoPrograms(ends).caller(server.url);
      const listed = await go.list<Told>("PING");
      expect(listed.map(({ name, version }) => `${name} ${version}`).sort()).toEqual([
        "order 1.0.0",
        "user 1.0.0",
        "user 1.0.0",
      ]);
      const [order] = await go.list<Told>("INFO", "order");
      expect(order?.endpoints.map(({ subject }) => subject)).toEqual(["order.placeOrder"]);

      const calls = 200;
      const answers = await go.calls(calls, { subject: "user.getUser", data: { call: "go", id: "1" } });
      expect(answers.every(({ data }) => (JSON.parse(data) as { name: string }).name === "Grace")).toBe(true);
      const placed = await go.call({
        subject: "order.placeOrder",
        data: { call: "go", id: "2", item: "tea" },
      });
      expect(placed).toEqual({ data: '{"call":"go","customer":"Edsger","item":"tea"}', error: "", code: "" });

      const stats = await go.list<Told>("STATS", "user");
      const counts = stats.map(({ endpoints }) => endpoints.find(({ name }) => name === "getUser"));
      const requests = counts.map((count) => count?.num_requests as number);
      // What the order service asks of the users goes by our own protocol, and is not counted here.
      expect(requests[0] as number).toBeGreaterThan(20);
      expect((requests[0] as number) + (requests[1] as number)).toBe(calls);
      for (const count of counts) {
        expect(count?.num_errors).toBe(0);
        // The handler works for 15 ms.
        expect(count?.average_processing_time).toBeGreaterThan(14e6);
      }
      console.log(
        `Go's micro client: ${listed.length} instances, getUser ${requests.join(" + ")} of ${calls}`,
      );
    }, 60_000);
  },
);
