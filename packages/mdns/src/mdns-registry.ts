import type { Registry } from "@skein/core";
import { NodeRegistry } from "@skein/registry/backend";
import { MdnsLease } from "./mdns-lease.ts";
import { MdnsNode, type MdnsNodeOptions } from "./mdns-node.ts";

/** The registry over a medium. */
export function mdnsRegistry(options: MdnsNodeOptions): Registry {
  const { name, layouts, medium, runtime } = options;
  const node = new MdnsNode(options);
  const { cache } = node;
  return new NodeRegistry(name, {
    get malformed() {
      return node.malformed;
    },
    check: () => medium.check(),
    async lease(ttlMs, _, over) {
      await medium.open();
      return new MdnsLease(ttlMs, node, runtime, over);
    },
    watch: (service, tell) => node.watch(service, tell),
    async get(service) {
      await node.look(layouts.map((layout) => layout.serviceQuestion(service)));
      return node.snapshot(service);
    },
    async list() {
      await node.look(layouts.map((layout) => layout.listQuestion));
      const named = layouts.flatMap((layout) =>
        cache.listed.filter((l) => l.layout === layout).map((l) => layout.serviceQuestion(l.service)),
      );
      if (named.length > 0) await node.look(named);
      return cache.services.flatMap((service) => cache.instances(service));
    },
    close: () => node.close(),
  });
}
