/** The limit written by hand: node:net and msgpackr, nothing else. Its variant: see RawVariant. */
import type { AdapterClient, AdapterOptions } from "../load/adapter.ts";
import { dial } from "../raw/client.ts";
import { listen } from "../raw/server.ts";
import { parseRawVariant } from "../raw/variant.ts";

export async function startServer({ port, variant }: AdapterOptions): Promise<void> {
  await listen(port, parseRawVariant(variant));
}

export function connect({ port, variant }: AdapterOptions): Promise<AdapterClient> {
  return dial(port, parseRawVariant(variant));
}
