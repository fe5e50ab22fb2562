import type { RegistryHarness } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import multicastDns from "multicast-dns";
import { mdnsRegistry } from "../mdns-registry.ts";
import { parseMdnsUrl } from "../mdns-url.ts";
import { Network } from "../network.ts";
import { Lossy } from "./lossy.ts";
import { freeUdpPort } from "./udp-port.ts";

/** Real UDP on loopback, on a port of its own. @param layout as in the URL @param loses asked for each message that comes in */
export async function mdnsHarness(layout = "skein", loses?: () => boolean): Promise<RegistryHarness> {
  const port = await freeUdpPort();
  const url = `mdns://?interface=127.0.0.1&port=${port}&layout=${layout}`;
  const open: Registry[] = [];
  const media: Lossy[] = [];
  return {
    // Nothing outside a process keeps its leases: nobody can take them away.
    abilities: { revocable: false },
    runtime,
    ttlMs: 3000,
    connect() {
      const { name, interfaces, layouts } = parseMdnsUrl(url);
      const logger = silentLogger;
      const medium = new Lossy(new Network({ interfaces, port, runtime, logger }), loses);
      media.push(medium);
      const registry = mdnsRegistry({ name, layouts, medium, runtime, logger });
      open.push(registry);
      return registry;
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    plantMalformed: (service) => plantMalformed(service, port, layout),
    async cut() {
      for (const medium of media) medium.cut = true;
    },
    async heal() {
      for (const medium of media) medium.cut = false;
    },
    async close() {
      await Promise.all(open.map((r) => r.close()));
    },
  };
}

/** Says odd things, as anybody on the network may. */
async function plantMalformed(service: string, port: number, layout: string): Promise<number> {
  const mdns = multicastDns({ interface: "127.0.0.1", bind: "0.0.0.0", loopback: true, port });
  const type = layout === "go-micro" ? `${service}.micro` : "_skein._tcp.local";
  const from = layout === "go-micro" ? type : `${service}._sub.${type}`;
  const ttl = 100;
  const say = (answers: object[]): Promise<void> =>
    new Promise((resolve, reject) =>
      mdns.respond({ answers } as never, (error) => (error ? reject(error) : resolve())),
    );
  await say([{ type: "TXT", name: `torn.${type}`, ttl, data: [Buffer.from("789czz")] }]);
  await say([{ type: "TXT", name: `odd.${type}`, ttl, data: [Buffer.from([0, 255]), Buffer.from("=")] }]);
  await say([
    { type: "TXT", name: `empty.${type}`, ttl, data: [Buffer.alloc(0)] },
    { type: "SRV", name: `empty.${type}`, ttl, data: { port: 0, target: "." } },
  ]);
  await say([{ type: "PTR", name: from, ttl, data: "elsewhere.example" }]);
  await new Promise<void>((resolve) => mdns.destroy(resolve));
  return 4;
}
