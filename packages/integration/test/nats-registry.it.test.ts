import { type Registry, silentLogger } from "@skein/core";
import { createRegistry } from "@skein/nats";
import { createClient, Rpc, Service, serve } from "skein";
import { nodeRuntime as runtime } from "skein/internal";
import { describe, expect, test } from "vitest";
import { NatsServer, natsBinary } from "../../nats/src/test/nats-server.ts";

@Service("desk")
class Desk {
  @Rpc({ idempotent: true })
  async echo(x: string): Promise<string> {
    return x;
  }
}

describe.skipIf(natsBinary() === undefined)("NATS alone: transport and registry", () => {
  test.each([
    { way: "nothing stored", query: "" },
    { way: "key-value", query: "/?kv=services" },
  ])(
    "a service is found and called, also after the server was down for longer than the TTL: $way",
    async ({ query }) => {
      const server = await NatsServer.start(["-js"]);
      const at = (): Registry => createRegistry(server.url + query, { runtime, logger: silentLogger });
      const [serving, calling] = [at(), at()];
      const common = { log: silentLogger, signals: false } as const;
      const app = await serve(new Desk(), { ...common, registry: serving, listen: server.url, ttl: "2s" });
      const client = createClient({ log: silentLogger, registry: calling, nats: server.url });
      try {
        const desk = client.service<Desk>("desk");
        expect(await desk.echo("a")).toBe("a");
        await server.kill();
        await new Promise((resolve) => setTimeout(resolve, 4000));
        await server.start();
        expect(await desk.echo("b", { timeoutMs: 10_000, waitForReady: true })).toBe("b");
        await expect.poll(() => calling.list(), { timeout: 5000 }).toMatchObject([{ name: "desk" }]);
        await app.close();
        expect(await calling.list()).toEqual([]);
      } finally {
        await client.close();
        await app.close();
        await Promise.all([serving.close(), calling.close()]);
        await server.close();
      }
    },
    30_000,
  );

  test("without JetStream a start with ?kv= is refused, saying what to do", async () => {
    const server = await NatsServer.start();
    try {
      const registry = `${server.url}/?kv=services`;
      const started = serve(new Desk(), { log: silentLogger, signals: false, registry, listen: server.url });
      await expect(started).rejects.toThrow(/JetStream.*nats-server -js/);
    } finally {
      await server.close();
    }
  });
});
