// fastify 5 over HTTP/1.1 with keep-alive, JSON with a schema for the reply. Variants: undici (default), fetch.
import Fastify from "fastify";
import { Pool } from "undici";

/** HTTP/1.1 answers one call at a time on a connection. */
const CONNECTIONS = 64;
const KEEP_ALIVE_MS = 60_000;
const string = { type: "string" };
const number = { type: "number" };
const item = { type: "object", properties: { sku: string, title: string, qty: number, price: number } };
const user = {
  type: "object",
  properties: {
    id: string,
    name: string,
    email: string,
    tags: { type: "array", items: string },
    items: { type: "array", items: item },
    text: string,
  },
};

export async function startServer({ port, getUser }) {
  const server = Fastify({ logger: false, keepAliveTimeout: KEEP_ALIVE_MS });
  server.post("/getUser", { schema: { response: { 200: user } } }, async (request) => getUser(request.body));
  await server.listen({ port, host: "127.0.0.1" });
}

export async function connect({ port, variant, path = "/getUser" }) {
  const origin = `http://127.0.0.1:${port}`;
  const post = (request) => ({
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  if (variant === "fetch")
    return {
      call: async (request) => (await fetch(origin + path, post(request))).json(),
      close: () => {},
    };
  const pool = new Pool(origin, { connections: CONNECTIONS });
  return {
    call: async (request) => (await pool.request({ path, ...post(request) })).body.json(),
    close: () => pool.destroy(),
  };
}
