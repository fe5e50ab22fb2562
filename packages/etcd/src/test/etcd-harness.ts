import type { RegistryHarness } from "@skein/conformance";
import { nodeRuntime, TcpProxy } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import { createRegistry } from "../create-registry.ts";
import type { EtcdServer } from "./etcd-server.ts";
import { Gateway } from "./gateway.ts";

/** Of one server for many cases, emptied for each. @param query of the URL, without `?` */
export async function etcdHarness(server: EtcdServer, query = ""): Promise<RegistryHarness> {
  const gateway = new Gateway(server.address);
  await gateway.remove();
  await gateway.revokeAll();
  const proxy = await new TcpProxy(server.address).open();
  const open: Registry[] = [];
  return {
    runtime: nodeRuntime,
    // etcd's least with an election timeout of a second.
    ttlMs: 2000,
    connect() {
      const registry = createRegistry(`etcd://127.0.0.1:${proxy.port}/?${query}`, {
        runtime: nodeRuntime,
        logger: silentLogger,
        ttlMs: 2000,
      });
      open.push(registry);
      return registry;
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async plantMalformed(service) {
      const prefix = query.includes("go-micro")
        ? "/micro/registry"
        : query.includes("grpc")
          ? ""
          : "/services";
      const keys = [`${service}/1.0.0/torn:1`, `${service}/odd`, `${service}/1.0.0/10.0.0.1:1/more`];
      const under = prefix === "" ? "" : `${prefix}/`;
      await gateway.put(`${under}${keys[0]}`, '{"service":"user","id":');
      await gateway.put(`${under}${keys[1]}`, "\0\u00ff");
      await gateway.put(`${under}${keys[2]}`, '{"id":"x"}');
      return 3;
    },
    revoke: () => gateway.revokeAll(),
    cut: () => proxy.cut(),
    heal: () => proxy.heal(),
    async close() {
      await Promise.all(open.map((r) => r.close()));
      await proxy.cut();
    },
  };
}
