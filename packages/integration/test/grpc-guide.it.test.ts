import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Rpc, Service } from "skein";
import { expect, test } from "vitest";
import { useGrpc } from "./grpc-world.ts";

const world = useGrpc();
const guide = readFileSync(join(import.meta.dirname, "../../../docs/guides/grpc.md"), "utf8");

/** The guide's block that begins with the name of a file. */
function block(name: string): string {
  const found = [...guide.matchAll(/^```\w+\n([\s\S]*?)^```/gm)].find(([, code]) =>
    code?.startsWith(`// ${name}\n`),
  );
  if (found?.[1] === undefined) throw new Error(`the guide has no block ${name}`);
  return found[1];
}

@Service("greeter", { version: "1.0.0" })
class GreeterService {
  @Rpc() async sayHello({ name }: { name: string }): Promise<{ message: string }> {
    return { message: `Hello, ${name}` };
  }
  @Rpc() async *countDown({ n }: { n: number }): AsyncGenerator<{ n: number }> {
    for (let left = n; left > 0; left--) yield { n: left };
  }
  @Rpc({ kind: "client-stream" }) async add(counts: AsyncIterable<{ n: number }>): Promise<{ n: number }> {
    let sum = 0;
    for await (const { n } of counts) sum += n;
    return { n: sum };
  }
}

test("the guide's caller prints what it says", async () => {
  // Within the package: its imports are found from there.
  const folder = mkdtempSync(join(import.meta.dirname, ".tmp-guide-"));
  world.cleanup(() => rmSync(folder, { recursive: true }));
  const proto = join(folder, "greeter.proto");
  const caller = block("caller.mjs");
  writeFileSync(proto, block("greeter.proto"));
  writeFileSync(join(folder, "caller.ts"), caller);
  const app = await world.start([new GreeterService()], {
    grpc: { protos: [{ service: "greeter", file: proto }] },
  });
  const at = `static://greeter=grpc://${new URL(app.address).host}`;
  const args = ["--conditions=skein-source", "--import", "tsx", join(folder, "caller.ts")];
  const env = { ...process.env, SKEIN_REGISTRY: at, SKEIN_LOG: "silent" };
  const { stdout } = await promisify(execFile)(process.execPath, args, { env });
  expect(stdout.trim().split("\n")).toEqual([...caller.matchAll(/\/\/ => (.*)$/gm)].map((match) => match[1]));
}, 60_000);
