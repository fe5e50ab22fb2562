/**
 * Skein over TCP with its defaults, found through a static registry. Variants, comma-separated: `context` (calls are followed ambiently at the
 * server, as in one that calls other services), `interceptor` (an idle one on each side), `json`, `doors` (all of them open beside ours).
 */
import { json, msgpack } from "@skein/codec";
import type { Interceptor } from "@skein/core";
import { createClient, serve } from "skein";
import type { AdapterClient, AdapterOptions } from "../load/adapter.ts";
import { contract, implement } from "./skein-service.ts";

const idle: Interceptor = (next) => (call) => next(call);

const switches = ["context", "interceptor", "json", "doors"] as const;

function parseVariant(variant: string): ReadonlySet<string> {
  const on = variant.split(",").filter((part) => part !== "");
  for (const part of on)
    if (!switches.some((name) => name === part))
      throw new Error(`skein does not know "${part}": use ${switches.join(", ")}`);
  return new Set(on);
}

export async function startServer({ port, variant, getUser }: AdapterOptions): Promise<void> {
  const on = parseVariant(variant);
  await serve(implement(getUser), {
    registry: "memory:",
    listen: `tcp://127.0.0.1:${port}`,
    log: "silent",
    ...(on.has("context") ? { context: true } : {}),
    ...(on.has("interceptor") ? { interceptors: [idle] } : {}),
    ...(on.has("doors") ? { doors: ["http", "grpc", "jsonrpc"] } : {}),
  });
}

export async function connect({ port, variant }: AdapterOptions): Promise<AdapterClient> {
  const on = parseVariant(variant);
  const client = createClient({
    registry: `static://bench=127.0.0.1:${port}`,
    log: "silent",
    codecs: [on.has("json") ? json : msgpack],
    ...(on.has("interceptor") ? { interceptors: [idle] } : {}),
  });
  const bench = client.service(contract);
  return {
    call: (request) => bench.getUser(request),
    stream: (request) => bench.streamUsers(request),
    close: () => client.close(),
  };
}
