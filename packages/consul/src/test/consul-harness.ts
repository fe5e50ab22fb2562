import type { RegistryHarness } from "@skein/conformance";
import { nodeRuntime, TcpProxy } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import { createRegistry } from "../create-registry.ts";
import { FakeConsul } from "./fake-consul.ts";
import type { RealConsul } from "./real-consul.ts";

/** Over the fake, in real time. @param query of the URL, without `?` @param wrap stands between the cases and the registry */
export async function fakeConsulHarness(
  query = "",
  namespace?: string,
  wrap: (good: Registry) => Registry = (good) => good,
): Promise<RegistryHarness> {
  const fake = await new FakeConsul({ syncMs: 10 }).start();
  const open: Registry[] = [];
  return {
    runtime: nodeRuntime,
    ttlMs: 5000,
    connect() {
      const registry = createRegistry(`consul://${fake.address}?${query}`, {
        runtime: nodeRuntime,
        logger: silentLogger,
        namespace,
      });
      open.push(registry);
      return wrap(registry);
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    plantMalformed: (service) => plant(`http://${fake.address}`, namespace, service),
    async revoke() {
      for (const id of fake.state.ids) fake.state.deregister(id);
    },
    cut: () => fake.stop(),
    heal: async () => void (await fake.start()),
    async close() {
      await Promise.all(open.map((r) => r.close()));
      await fake.close();
    },
  };
}

/** Over a real agent, in a namespace of its own each time. @param query of the URL, without `?` */
export async function realConsulHarness(consul: RealConsul, query = ""): Promise<RegistryHarness> {
  const namespace = `t${crypto.randomUUID().slice(0, 8)}`;
  const proxy = await new TcpProxy(consul.address).open();
  const open: Registry[] = [];
  return {
    runtime: nodeRuntime,
    ttlMs: 5000,
    connect() {
      const registry = createRegistry(`consul://127.0.0.1:${proxy.port}?${query}`, {
        runtime: nodeRuntime,
        logger: silentLogger,
        namespace,
      });
      open.push(registry);
      return registry;
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    plantMalformed: (service) => plant(`http://${consul.address}`, namespace, service),
    revoke: () => consul.deregister(`${namespace}--`),
    cut: () => proxy.cut(),
    heal: () => proxy.heal(),
    async close() {
      await Promise.all(open.map((r) => r.close()));
      await proxy.cut();
      await consul.deregister(`${namespace}--`);
    },
  };
}

/** Records that are none, put as anybody could: a torn one, one of another service, one that is JSON but no record, a service without a port. */
export async function plant(base: string, namespace: string | undefined, service: string): Promise<number> {
  const Name = namespace === undefined ? service : `${namespace}--${service}`;
  const own = namespace === undefined ? {} : { "skein-namespace": namespace };
  const metas = [
    { ...own, "skein-parts": "2", "skein-0": '{"instance":{"service":"user"' },
    { ...own, "skein-parts": "1", "skein-0": '{"instance":{"service":"other"},"written":1}' },
    { ...own, "skein-parts": "1", "skein-0": "\u0000\u00ff[]" },
    {},
  ];
  for (const [n, Meta] of metas.entries()) {
    const body = JSON.stringify({ Name, ID: `planted-${n}`, Meta });
    const { status } = await fetch(`${base}/v1/agent/service/register`, { method: "PUT", body });
    if (status !== 200) throw new Error(`planting: ${status}`);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  return metas.length;
}
