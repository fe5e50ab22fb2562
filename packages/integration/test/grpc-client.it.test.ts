import { silentLogger } from "@skein/core";
import { grpcProtocol } from "@skein/grpc/client";
import { createClient } from "skein";
import { describe, expect, test } from "vitest";
import { DeskService, useGrpc } from "./grpc-world.ts";

const world = useGrpc();
const kinds = { count: "server-stream", sum: "client-stream", echo: "bidi-stream" } as const;

function client(...protocols: ReturnType<typeof grpcProtocol>[]) {
  const made = createClient({ registry: world.registry, log: silentLogger, protocols });
  world.cleanup(() => made.close());
  return made;
}

describe("our own door, called over gRPC", () => {
  test("found in the registry, without anything said: JSON", async () => {
    await world.start([new DeskService()]);
    const desk = client().service<DeskService>("desk", { protocol: "grpc" });
    expect(await desk.greet({ name: "Ann" })).toEqual({ text: "Hello, Ann" });
    const about = await desk.call("about", {}, { timeoutMs: 1500, metadata: { "x-tenant": "acme" } });
    expect(about.metadata).toEqual({ "x-tenant": "acme" });
    expect(about.left).toBeGreaterThan(1000);
    expect(about.left).toBeLessThan(1600);
  });

  test("the kinds of streams, as they are told", async () => {
    await world.start([new DeskService()]);
    const protocol = grpcProtocol({ services: { desk: { kinds } } });
    const desk = client(protocol).service<DeskService>("desk", { protocol: "grpc" });
    const numbers: number[] = [];
    for await (const { n } of desk.count({ to: 20_000 })) numbers.push(n);
    expect(numbers).toHaveLength(20_000);
    expect(numbers.at(-1)).toBe(20_000);
    async function* items() {
      for (let n = 1; n <= 100; n++) yield { n };
    }
    expect(await desk.sum(items())).toEqual({ sum: 5050 });
    const answers: unknown[] = [];
    for await (const answer of desk.echo(items())) answers.push(answer);
    expect(answers).toHaveLength(100);
  });
});
