// tRPC 11, standalone HTTP server, input checked by zod as its users have it. Variants: link (default), batch.
import { createTRPCClient, httpBatchLink, httpLink } from "@trpc/client";
import { initTRPC } from "@trpc/server";
import { createHTTPServer } from "@trpc/server/adapters/standalone";
import { z } from "zod";

const BATCH_ITEMS = 64;

export async function startServer({ port, getUser }) {
  const t = initTRPC.create();
  const input = z.object({ id: z.string(), kind: z.string() });
  const router = t.router({ getUser: t.procedure.input(input).mutation((call) => getUser(call.input)) });
  const server = createHTTPServer({ router });
  await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
}

export async function connect({ port, variant }) {
  const url = `http://127.0.0.1:${port}`;
  const link = variant === "batch" ? httpBatchLink({ url, maxItems: BATCH_ITEMS }) : httpLink({ url });
  const client = createTRPCClient({ links: [link] });
  return { call: (request) => client.getUser.mutate(request), close: () => {} };
}
