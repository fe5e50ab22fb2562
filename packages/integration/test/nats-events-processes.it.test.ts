import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type EventBus, silentLogger } from "@skein/core";
import { createEventBus } from "@skein/nats";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../../nats/src/test/nats-server.ts";

const program = join(import.meta.dirname, "programs/events-consumer.ts");

/** A consumer in a process of its own, with a ledger of its own. */
class Consumer {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown[]>;
  readonly ready: Promise<unknown>;
  /** What it was told, and wrote. */
  troubles = "";
  readonly #ledger: string;

  constructor(url: string, ledger: string) {
    this.#ledger = ledger;
    const args = ["--conditions=skein-source", "--import", "tsx", program];
    this.child = spawn(process.execPath, [...args, url, ledger], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.troubles += chunk.toString();
    });
    this.exited = once(this.child, "close");
    this.ready = once(this.child.stdout as NonNullable<ChildProcess["stdout"]>, "data");
  }

  get ids(): string[] {
    return existsSync(this.#ledger) ? readFileSync(this.#ledger, "utf8").split("\n").slice(0, -1) : [];
  }

  async kill(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.exited;
  }
}

describe.skipIf(natsBinary() === undefined)("consumers in processes of their own, on JetStream", () => {
  let server: NatsServer;
  let directory: string;
  let bus: EventBus;
  const consumers: Consumer[] = [];
  const start = (query = "stream=EVENTS&ackWait=2s"): Consumer => {
    const consumer = new Consumer(`${server.url}/?${query}`, join(directory, String(consumers.length)));
    consumers.push(consumer);
    return consumer;
  };
  const handled = (): string[] => consumers.flatMap(({ ids }) => ids);
  const publish = (n: number): Promise<void> =>
    bus.publish({
      name: `order.n${n % 10}`,
      id: `e${n}`,
      publishedAt: Date.now(),
      metadata: {},
      contentType: "application/json",
      payload: Buffer.from(String(n)),
    });
  const publishAll = async (from: number, to: number): Promise<void> => {
    for (let n = from; n < to; n += 500)
      await Promise.all(Array.from({ length: Math.min(500, to - n) }, (_, i) => publish(n + i)));
  };

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "skein-events-test-"));
    server = await NatsServer.startJetStream();
    bus = createEventBus(`${server.url}/?stream=EVENTS`, { runtime, logger: silentLogger });
  });
  afterEach(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.kill()));
    await bus.close();
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test("kill -9 of one in the middle of 10,000 events: each is handled at least once, and the ledger shows which twice", async () => {
    const all = 10_000;
    const query = "stream=EVENTS&ackWait=10s";
    const three = [start(query), start(query), start(query)];
    await Promise.all(three.map(({ ready }) => ready));
    const published = publishAll(0, all);
    published.catch(() => {});
    await expect.poll(() => three[0]?.ids.length, { timeout: 30_000, interval: 20 }).toBeGreaterThan(1000);
    await three[0]?.kill();
    const before = handled().length;
    await published;
    await expect.poll(() => new Set(handled()).size, { timeout: 60_000, interval: 100 }).toBe(all);
    const twice = handled().length - all;
    const shares = consumers.map(({ ids }) => ids.length);
    console.info(
      `killed after ${before} of ${all}; handled twice: ${twice}; by consumer: ${shares.join(", ")}`,
    );
    expect(before).toBeLessThan(all);
    // Those that it had begun and not said to be done: no more than run and wait at once.
    expect(twice).toBeLessThanOrEqual(64);
  }, 90_000);

  test("SIGTERM of one after the other, each replaced: each event is handled exactly once", async () => {
    const all = 1500;
    const query = "stream=EVENTS&ackWait=30s";
    const first = [start(query), start(query), start(query)];
    await Promise.all(first.map(({ ready }) => ready));
    let stop = false;
    let n = 0;
    const publishing = (async () => {
      while (!stop || n < all) {
        await publishAll(n, n + 30);
        n += 30;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    publishing.catch(() => {});
    for (const leaving of first) {
      await start(query).ready;
      const before = leaving.ids.length;
      leaving.child.kill("SIGTERM");
      expect((await leaving.exited)[0]).toBe(0);
      expect(before).toBeGreaterThan(0);
    }
    stop = true;
    await publishing;
    await expect.poll(() => new Set(handled()).size, { timeout: 45_000, interval: 50 }).toBe(n);
    const shares = consumers.map(({ ids }) => ids.length);
    console.info(`${n} events, by consumer: ${shares.join(", ")}; handled twice: ${handled().length - n}`);
    expect(handled().length).toBe(n);
  }, 90_000);

  test("one that is frozen for longer than ackWait: others handle what it had, and it begins nothing that they have", async () => {
    const all = 3000;
    const two = [start(), start()];
    await Promise.all(two.map(({ ready }) => ready));
    const published = publishAll(0, all);
    published.catch(() => {});
    await expect.poll(() => two[0]?.ids.length, { timeout: 30_000, interval: 10 }).toBeGreaterThan(200);
    two[0]?.child.kill("SIGSTOP");
    await published;
    await expect.poll(() => new Set(handled()).size, { timeout: 30_000, interval: 50 }).toBe(all);
    // Not before: it still began some while the signal was on its way.
    const begun = two[0]?.ids.length;
    const others = new Set(two[1]?.ids);
    two[0]?.child.kill("SIGCONT");
    await publishAll(all, all + 500);
    await expect.poll(() => new Set(handled()).size, { timeout: 30_000, interval: 50 }).toBe(all + 500);
    const twice = handled().length - all - 500;
    console.info(
      `frozen and thawed; handled twice: ${twice}; by consumer: ${consumers.map(({ ids }) => ids.length)}`,
    );
    // But for the one whose line was about to be written when the signal came.
    expect(two[0]?.ids.slice(begun).filter((id) => others.has(id)).length).toBeLessThanOrEqual(1);
  }, 90_000);

  test("NATS alone: one that the server cuts off as too slow is told, and back", async () => {
    await server.close();
    server = await NatsServer.start([], "max_pending: 1MB\nwrite_deadline: 500ms");
    const alone = createEventBus(server.url, { runtime, logger: silentLogger });
    try {
      const slow = start("");
      await slow.ready;
      const send = (id: string, payload: Uint8Array): Promise<void> =>
        alone.publish({
          name: "order.large",
          id,
          publishedAt: Date.now(),
          metadata: {},
          contentType: "application/octet-stream",
          payload,
        });
      await send("before", Buffer.alloc(1));
      await expect.poll(() => slow.ids, { timeout: 5000 }).toEqual(["before"]);
      slow.child.kill("SIGSTOP");
      for (let i = 0; i < 100; i++) await send(`lost-${i}`, Buffer.alloc(200_000));
      await expect.poll(() => server.output, { timeout: 5000 }).toMatch(/Slow Consumer/);
      slow.child.kill("SIGCONT");
      await expect.poll(() => slow.troubles, { timeout: 5000 }).toContain("cut off");
      const after = async (): Promise<boolean> => {
        await send("after", Buffer.alloc(1));
        return slow.ids.includes("after");
      };
      await expect.poll(after, { timeout: 5000, interval: 50 }).toBe(true);
      expect(slow.ids.length).toBeLessThan(100);
    } finally {
      await alone.close();
    }
  }, 60_000);
});
