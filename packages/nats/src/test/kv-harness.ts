import type { RegistryHarness } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import { connect, type NatsConnection } from "nats";
import { createRegistry } from "../registry/create-registry.ts";
import type { NatsServer } from "./nats-server.ts";

let worlds = 0;

/** A real server with JetStream that cases share; each has keys of its own in one bucket. */
export async function kvHarness(server: NatsServer, namespace?: string): Promise<RegistryHarness> {
  const prefix = `test${++worlds}`;
  const open: Registry[] = [];
  const operators: NatsConnection[] = [];
  const operator = async (): Promise<NatsConnection> => {
    const raw = await connect({ servers: server.url });
    operators.push(raw);
    return raw;
  };
  const group = namespace === undefined ? "_" : `n-${namespace.replaceAll(".", "/")}`;
  return {
    runtime,
    ttlMs: 2000,
    connect() {
      const url = `${server.url}/?prefix=${prefix}&kv=services`;
      const registry = createRegistry(url, { runtime, logger: silentLogger, namespace });
      open.push(registry);
      return registry;
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async plantMalformed(service) {
      const bucket = await (await operator()).jetstream().views.kv("services");
      const under = `${prefix}.${group}.${service}`;
      await bucket.put(`${under}.torn`, '{"lease":"x","ttlMs":9000,"inst');
      await bucket.put(`${under}.other`, of({ service, id: "another" }));
      await bucket.put(`${under}.odd=`, of({ service, id: "odd" }));
      await bucket.put(`${under}.evil`, of({ service: "../user", id: "evil" }));
      return 4;
    },
    async revoke() {
      const manager = await (await operator()).jetstreamManager();
      await manager.streams.purge("KV_services");
    },
    cut: () => server.kill(),
    heal: () => server.start(),
    async close() {
      await Promise.all([...open.map((r) => r.close()), ...operators.map((raw) => raw.close())]);
    },
  };
}

const of = (instance: object): string =>
  JSON.stringify({
    lease: "liar",
    ttlMs: 9000,
    instance: {
      version: "1.0.0",
      addresses: [{ protocol: "skein", url: "tcp://127.0.0.1:1" }],
      weight: 1,
      status: "serving",
      startedAt: "2026-01-01T00:00:00.000Z",
      metadata: {},
      ...instance,
    },
  });
