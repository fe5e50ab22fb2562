/** What peers/http calls with undici, behind Skein's own door. */
import { httpDoor } from "@skein/http";
import { serve } from "skein";
import { peerModule } from "../catalogue.ts";
import { type AdapterClient, type AdapterOptions, loadAdapter } from "../load/adapter.ts";
import { implement } from "./skein-service.ts";

export async function startServer({ port, getUser }: AdapterOptions): Promise<void> {
  await serve(implement(getUser), {
    registry: "memory:",
    listen: `tcp://127.0.0.1:${port}`,
    log: "silent",
    doors: [httpDoor()],
  });
}

export async function connect(options: AdapterOptions): Promise<AdapterClient> {
  const peer = await loadAdapter(peerModule("http").href);
  return peer.connect({ ...options, path: "/bench/getUser" });
}
