/** What peers/grpc-js calls, behind Skein's own door. */
import { grpcDoor } from "@skein/grpc";
import { serve } from "skein";
import { peerModule } from "../catalogue.ts";
import { type AdapterClient, type AdapterOptions, loadAdapter } from "../load/adapter.ts";
import { implement } from "./skein-service.ts";

export async function startServer({ port, getUser }: AdapterOptions): Promise<void> {
  const file = new URL("../../peers/proto/bench.proto", import.meta.url);
  await serve(implement(getUser), {
    registry: "memory:",
    listen: `tcp://127.0.0.1:${port}`,
    log: "silent",
    doors: [grpcDoor({ protos: [{ service: "bench", file }] })],
  });
}

export async function connect(options: AdapterOptions): Promise<AdapterClient> {
  return (await loadAdapter(peerModule("grpc-js").href)).connect(options);
}
