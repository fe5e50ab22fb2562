/**
 * Skein over TCP with its defaults, found through a static registry. Variants, comma-separated: `context` (calls are followed ambiently at the
 * server, as in one that calls other services), `interceptor` (an idle one on each side), `json`, `doors` (all of them open beside ours),
 * `nats` (a NATS server as transport and registry).
 */
import { json, msgpack } from "@skein/codec";
import type { Interceptor } from "@skein/core";
import { createClient, serve } from "skein";
import type { AdapterClient, AdapterOptions } from "../load/adapter.ts";
import { contract, implement } from "./skein-service.ts";

/** How long it may take to find the server and to connect to it, ms. */
const FIRST_MS = 20_000;
const idle: Interceptor = (next) => (call) => next(call);

const switches = ["context", "interceptor", "json", "doors", "nats"] as const;

function parseVariant(variant: string): ReadonlySet<string> {
  const on = variant.split(",").filter((part) => part !== "");
  for (const part of on)
    if (!switches.some((name) => name === part))
      throw new Error(`skein does not know "${part}": use ${switches.join(", ")}`);
  return new Set(on);
}

/** A server that is shared: names of our own. */
const natsUrl = ({ port, nats = "" }: AdapterOptions): string => `${nats}/?prefix=bench${port}`;

export async function startServer(options: AdapterOptions): Promise<void> {
  const { port, variant, getUser } = options;
  const on = parseVariant(variant);
  const nats = natsUrl(options);
  await serve(implement(getUser), {
    ...(on.has("nats")
      ? { registry: nats, listen: nats }
      : { registry: "memory:", listen: `tcp://127.0.0.1:${port}` }),
    log: "silent",
    ...(on.has("context") ? { context: true } : {}),
    ...(on.has("interceptor") ? { interceptors: [idle] } : {}),
    ...(on.has("doors") ? { doors: ["http", "grpc", "jsonrpc"] } : {}),
  });
}

export async function connect(options: AdapterOptions): Promise<AdapterClient> {
  const { port, variant } = options;
  const on = parseVariant(variant);
  const client = createClient({
    registry: on.has("nats") ? natsUrl(options) : `static://bench=127.0.0.1:${port}`,
    log: "silent",
    codecs: [on.has("json") ? json : msgpack],
    ...(on.has("interceptor") ? { interceptors: [idle] } : {}),
  });
  const bench = client.service(contract);
  await bench.getUser({ id: "first", kind: "small" }, { waitForReady: true, timeoutMs: FIRST_MS });
  return {
    call: (request) => bench.getUser(request),
    stream: (request) => bench.streamUsers(request),
    close: () => client.close(),
  };
}
