import type { RegistryHarness } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Instance, type Registry, silentLogger } from "@skein/core";
import { startCentre } from "../centre/index.ts";
import { createHttpRegistry } from "../http.ts";
import { cuttable } from "./cuttable.ts";

const MALFORMED: readonly object[] = [
  {},
  { version: 1 },
  { version: "1/2" },
  { addresses: [{ protocol: "skein" }] },
  { metadata: { a: 1 } },
];

/** A centre on loopback with a token, in real time, behind a way that can be cut. */
export async function centreHarness(): Promise<RegistryHarness> {
  const centre = await startCentre({ runtime, logger: silentLogger, listen: "127.0.0.1:0", token: "T0ken" });
  const way = await cuttable(Number(new URL(centre.url).port));
  const open: Registry[] = [];
  let whole = true;
  return {
    runtime,
    ttlMs: 4500,
    connect() {
      const registry = createHttpRegistry(`http://T0ken@127.0.0.1:${way.port}`, {
        runtime,
        logger: silentLogger,
      });
      open.push(registry);
      return registry;
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async plantMalformed(service) {
      const { id } = centre.store.grant(60_000) ?? { id: "" };
      const sound = {
        service,
        version: "1.0.0",
        addresses: [],
        weight: 1,
        status: "serving",
        startedAt: "",
        metadata: {},
      };
      for (const [n, odd] of MALFORMED.entries()) {
        const { version, ...rest } = { ...sound, ...odd, id: `odd-${n}` };
        const record = n === 0 ? rest : { ...rest, version };
        centre.store.put(id, { namespace: "default", instance: record as unknown as Instance });
      }
      return MALFORMED.length;
    },
    async revoke() {
      for (const lease of centre.store.dump().leases) centre.store.release(lease.id);
    },
    async cut() {
      whole = false;
      await way.cut();
    },
    async heal() {
      whole = true;
      await way.heal();
    },
    async close() {
      await Promise.all(open.map((registry) => registry.close()));
      if (whole) await way.cut();
      await centre.close();
    },
  };
}
