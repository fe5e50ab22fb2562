import type { RegistryHarness } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type Registry, silentLogger } from "@skein/core";
import { connect, type NatsConnection } from "nats";
import { createRegistry } from "../registry/create-registry.ts";
import { registrySubjects } from "../registry/registry-subjects.ts";
import type { NatsServer } from "./nats-server.ts";

let worlds = 0;

/** A real server that cases share; each has subjects of its own. */
export function natsHarness(server: NatsServer, namespace?: string): RegistryHarness {
  const prefix = `test${++worlds}`;
  const open: Registry[] = [];
  const liars: NatsConnection[] = [];
  return {
    // Nothing outside a process keeps its leases: nobody can take them away.
    abilities: { revocable: false },
    runtime,
    ttlMs: 2000,
    connect() {
      const url = `${server.url}/?prefix=${prefix}`;
      const registry = createRegistry(url, { runtime, logger: silentLogger, namespace });
      open.push(registry);
      return registry;
    },
    pass: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async plantMalformed(service) {
      const liar = await connect({ servers: server.url });
      liars.push(liar);
      const subjects = registrySubjects(prefix, namespace);
      for (const subject of [subjects.asked(service), subjects.askedAll])
        liar.subscribe(subject, {
          callback: (_, message) => {
            for (const text of MALFORMED) message.respond(Buffer.from(text));
          },
        });
      await liar.flush();
      return MALFORMED.length;
    },
    cut: () => server.kill(),
    heal: () => server.start(),
    async close() {
      await Promise.all([...open.map((r) => r.close()), ...liars.map((liar) => liar.close())]);
    },
  };
}

const of = (there: unknown): string => JSON.stringify({ lease: "liar", ttlMs: 9000, leftMs: 9000, there });
const MALFORMED = [
  "torn{",
  "[]",
  JSON.stringify({ lease: "a b", ttlMs: -1, leftMs: 1, there: [] }),
  of([{ instance: { service: "../user", id: "1" }, written: 1 }]),
  of([{ instance: null, written: "soon" }]),
];
