import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { registryConformance, sampleInstance } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import type { Registry, Snapshot } from "@skein/core";
import { describe, expect, onTestFinished, test } from "vitest";
import { createHttpRegistry } from "../http.ts";
import { keptLog, testCentre } from "../test/centre.ts";
import { centreHarness } from "../test/centre-harness.ts";

registryConformance("http", centreHarness);

const TOKEN = "marker-S3cr3t";

function open(url: string, token?: string, namespace?: string): { registry: Registry; lines: string[] } {
  const { logger, lines } = keptLog();
  const own = token === undefined ? url : url.replace("//", `//${token}@`);
  const registry = createHttpRegistry(own, { runtime, logger, namespace });
  onTestFinished(() => registry.close());
  return { registry, lines };
}

/** A server that is no centre, or a sick one. */
async function serverThat(answers: RequestListener): Promise<string> {
  const server = createServer(answers);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function first(registry: Registry, service = "user"): Promise<Snapshot> {
  const abort = new AbortController();
  for await (const snapshot of registry.watch(service, { signal: abort.signal })) {
    abort.abort();
    return snapshot;
  }
  throw new Error("the watch ended");
}

describe("the token", () => {
  test("is said once, and nowhere else", async () => {
    const { centre, lines: said } = await testCentre({ token: TOKEN });
    const right = open(centre.url, TOKEN);
    await right.registry.check?.();
    const lease = await right.registry.lease({ ttlMs: 5000 });
    await lease.put(sampleInstance("user"));
    expect((await first(right.registry)).instances.length).toBe(1);
    const texts = [right.registry.name, ...right.lines, ...said];
    for (const token of [undefined, `${TOKEN}x`]) {
      const { registry, lines } = open(centre.url, token);
      for (const asked of [
        registry.check?.(),
        registry.get("user"),
        registry.list(),
        registry.lease({ ttlMs: 5000 }),
      ]) {
        const error = (await asked?.catch((e: Error) => e)) as Error & { code: string };
        expect(error.code).toBe("UNAUTHENTICATED");
        texts.push(String(error.stack));
      }
      const snapshot = await first(registry);
      expect(snapshot).toMatchObject({ stale: true, instances: [], error: { code: "UNAUTHENTICATED" } });
      texts.push(JSON.stringify(snapshot), String((snapshot.error as Error).stack), registry.name, ...lines);
    }
    await centre.close();
    const error = (await right.registry.get("user").catch((e: Error) => e)) as Error;
    texts.push(String(error.stack), ...said);
    expect(texts.join()).not.toContain(TOKEN);
  });
});

describe("check", () => {
  test("lets a centre that is down come up, and refuses what is no centre", async () => {
    await open("http://127.0.0.1:1").registry.check?.();
    const sick = await serverThat((_, response) => void response.writeHead(502).end("bad gateway"));
    await open(sick).registry.check?.();
    const other = await serverThat((_, response) => void response.writeHead(404).end("<html>"));
    await expect(open(other).registry.check?.()).rejects.toThrow("no registry centre");
  });
});

describe("answers that are none", () => {
  test.each<[string, number, string]>([
    ["HTML", 200, "<html>"],
    ["nothing", 200, ""],
    ["a list", 200, "[]"],
    ["null", 200, "null"],
    ["other fields", 200, '{"index":"1","instances":{}}'],
    ["a list of nothing", 200, '{"services":{}}'],
    ["500", 500, "oops"],
    ["403", 403, '{"message":"no"}'],
    ["a redirect", 302, ""],
  ])("%s: an error, never an empty list", async (_, status, body) => {
    const url = await serverThat((request, response) => {
      response.writeHead(status, status === 302 ? { location: `${url}/x` } : {}).end(body);
      request.resume();
    });
    const { registry } = open(url);
    await expect(registry.get("user")).rejects.toThrow(url);
    await expect(registry.list()).rejects.toThrow(url);
    await expect(registry.lease({ ttlMs: 5000 })).rejects.toThrow(url);
    expect(await first(registry)).toMatchObject({ stale: true, instances: [] });
  });

  test("records that are none, or of others, are skipped and counted", async () => {
    const good = sampleInstance("user");
    const instances = [
      good,
      null,
      1,
      [],
      sampleInstance("order"),
      { ...good, id: "a/b" },
      { ...good, weight: "1" },
    ];
    const url = await serverThat((_, response) => void response.end(JSON.stringify({ index: 7, instances })));
    const { registry, lines } = open(url);
    expect(await registry.get("user")).toEqual({ revision: 7, instances: [good] });
    expect(registry.malformed).toBe(6);
    await registry.get("user");
    expect(lines.length).toBe(6);
  });

  test.each([
    ["something new", 45, 5],
    ["the same", 5, 1],
  ])(
    "a server that says %s at once, over and over, is not asked without pause",
    async (what, most, least) => {
      let asked = 0;
      const url = await serverThat((_, response) => {
        asked++;
        response.end(JSON.stringify({ index: what === "the same" ? 7 : asked, instances: [] }));
      });
      const { registry } = open(url);
      const abort = new AbortController();
      let seen = 0;
      for await (const _ of registry.watch("user", { signal: abort.signal }))
        if (++seen === least) setTimeout(() => abort.abort(), 1000);
      expect(seen).toBeGreaterThanOrEqual(least);
      expect(asked).toBeLessThan(most);
    },
  );
});

test("namespaces are apart, the centre's own included", async () => {
  const { centre } = await testCentre();
  const [plain, blue, own] = [undefined, "blue", "default"].map(
    (n) => open(centre.url, undefined, n).registry,
  );
  const lease = await (blue as Registry).lease({ ttlMs: 5000 });
  const i = sampleInstance("user");
  await lease.put(i);
  expect((await first(blue as Registry)).instances).toEqual([i]);
  for (const other of [plain, own]) {
    expect((await (other as Registry).get("user")).instances).toEqual([]);
    expect(await (other as Registry).list()).toEqual([]);
  }
  expect(await (blue as Registry).list()).toEqual([{ name: "user", versions: ["1.0.0"], instances: 1 }]);
  await lease.remove(i.id);
  expect((await (blue as Registry).get("user")).instances).toEqual([]);
});

test("what was registered by hand is found as any other", async () => {
  const { centre } = await testCentre();
  const body = new URLSearchParams({ name: "Arith", addr: "127.0.0.1:1234" });
  await fetch(`${centre.url}/register`, { method: "POST", body });
  const { registry } = open(centre.url);
  expect(await registry.list()).toEqual([{ name: "arith", versions: ["0.0.0"], instances: 1 }]);
  expect((await first(registry, "arith")).instances).toMatchObject([
    { service: "arith", id: "static:arith@127.0.0.1:1234" },
  ]);
  expect(registry.malformed).toBe(0);
});

test("many who watch a service here are one question there", async () => {
  const { centre } = await testCentre();
  const { registry } = open(centre.url);
  const aborts = Array.from({ length: 50 }, () => new AbortController());
  const watchers = async (): Promise<number> =>
    ((await (await fetch(`${centre.url}/health`)).json()) as any).watchers;
  const watches = aborts.map(({ signal }) => registry.watch("user", { signal })[Symbol.asyncIterator]());
  await Promise.all(watches.map((w) => w.next()));
  await expect.poll(watchers).toBe(1);
  for (const abort of aborts) abort.abort();
  await expect.poll(watchers, { timeout: 10_000 }).toBe(0);
});
