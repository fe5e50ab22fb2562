import { mkdtempSync, readdirSync, renameSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegistryHarness } from "@skein/conformance";
import { nodeRuntime } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import { createLocalRegistry } from "../local.ts";
import { fileNameOf } from "../local-record.ts";

/** Files in a directory of their own, in real time. @param wrap stands between the cases and the registry */
export function localHarness(wrap: (good: Registry) => Registry = (good) => good): RegistryHarness {
  const directory = mkdtempSync(join(tmpdir(), "skein-local-test-"));
  const records = join(directory, "default");
  const away = join(directory, "away");
  const open: Registry[] = [];
  return {
    runtime: nodeRuntime,
    ttlMs: 1500,
    connect() {
      const registry = createLocalRegistry({ runtime: nodeRuntime, logger: silentLogger, directory });
      open.push(registry);
      return wrap(registry);
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async plantMalformed(service) {
      writeFileSync(join(records, fileNameOf(service, "torn", "x")), '{"instance":{"serv');
      writeFileSync(
        join(records, fileNameOf(service, "odd", "x")),
        '{"instance":{"service":"user"},"process":{}}',
      );
      writeFileSync(join(records, fileNameOf(service, "empty", "x")), "");
      writeFileSync(join(records, "garbage.json"), Buffer.from([0, 255, 1]));
      writeFileSync(join(records, "huge.json"), Buffer.alloc(1024 * 1024, "["));
      return 5;
    },
    async revoke() {
      for (const file of readdirSync(records)) unlinkSync(join(records, file));
    },
    cut: async () => renameSync(records, away),
    heal: async () => renameSync(away, records),
    async close() {
      await Promise.all(open.map((r) => r.close()));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
