import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { App } from "skein";
import { beforeAll, describe, expect, test } from "vitest";
import { ProtoDeskService, protoFile, protoFolder } from "./grpc-desk.ts";
import { DeskService, useGrpc } from "./grpc-world.ts";

const hasGo = spawnSync("go", ["version"]).status === 0;
if (!hasGo && process.env.CI === "true") throw new Error("CI needs Go for the tests beside Go programs");
const folder = join(import.meta.dirname, "../../../.cache/servers/grpc-interop");
const program = join(folder, "grpc-interop");
const grpcurl = join(folder, "grpcurl");
const GRPCURL = "github.com/fullstorydev/grpcurl/cmd/grpcurl";

const world = useGrpc();
const hostOf = (app: App): string => new URL(app.address).host;

/** Of what a program prints, line by line. */
function run(...args: readonly string[]): { child: ChildProcess; line(): Promise<string> } {
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  world.cleanup(() => child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  return { child, line: async () => (await lines.next()).value };
}

async function output(file: string, ...args: readonly string[]): Promise<string> {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  child.stdout.on("data", (part) => (text += part));
  child.stderr.on("data", (part) => (text += part));
  await once(child, "close");
  return text;
}

describe.skipIf(!hasGo)("beside Go's own gRPC (skipped where there is no go)", () => {
  beforeAll(() => {
    mkdirSync(folder, { recursive: true });
    const options = { cwd: protoFolder, stdio: "inherit" } as const;
    execFileSync("go", ["build", "-o", program, "."], options);
    execFileSync("go", ["build", "-o", grpcurl, GRPCURL], options);
  }, 600_000);

  const desk = () =>
    world.start([new ProtoDeskService()], { grpc: { protos: [{ service: "desk", file: protoFile }] } });
  const call = async (app: App, method: string, timeoutMs: number, ...messages: readonly string[]) =>
    JSON.parse(
      await output(
        program,
        "call",
        hostOf(app),
        protoFolder,
        "desk.proto",
        `acme.desk.v1.DeskService/${method}`,
        String(timeoutMs),
        ...messages,
      ),
    );

  test("grpc-go calls all four kinds, with deadline and metadata", async () => {
    const app = await desk();
    expect(await call(app, "Greet", 5000, '{"name":"Go"}')).toMatchObject({
      code: "OK",
      answers: [{ text: "Hello, Go", big: "9007199254740993", tone: "WARM", at: "2023-11-14T22:13:20Z" }],
    });
    const [about] = (await call(app, "About", 3000, "{}")).answers;
    expect(about.tenant).toBe("acme");
    expect(about.leftMs).toBeGreaterThan(1000);
    expect(about.leftMs).toBeLessThanOrEqual(3000);
    expect((await call(app, "Count", 5000, '{"to":3}')).answers).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect((await call(app, "Sum", 5000, '{"n":1}', '{"n":2}', '{"n":39}')).answers).toEqual([{ sum: 42 }]);
    expect((await call(app, "Echo", 5000, '{"n":1}', '{"n":2}')).answers).toEqual([{ n: 1 }, { n: 2 }]);
  });

  test("grpc-go reads our errors, their details as google.rpc's own types", async () => {
    const failed = await call(await desk(), "Fail", 5000, "{}");
    expect(failed).toMatchObject({ code: "FailedPrecondition", message: "the desk is shut — ü" });
    expect(failed.details).toEqual(["*errdetails.ErrorInfo", "*structpb.Value"]);
    expect(failed.texts[0]).toMatch(/reason:"DESK_SHUT".*executed.*yes/);
    expect(failed.texts[1]).toMatch(/until/);
  });

  test("Go's health client checks and watches, to the drain", async () => {
    const app = await desk();
    for (const [service, status] of [
      ["", "SERVING"],
      ["desk", "SERVING"],
      ["acme.desk.v1.DeskService", "SERVING"],
      ["task", "NotFound"],
    ] as const)
      expect(await output(program, "check", hostOf(app), service)).toBe(`${status}\n`);
    const watching = run("watch", hostOf(app), "desk");
    expect(await watching.line()).toBe("SERVING");
    const closed = app.close();
    expect(await watching.line()).toBe("NOT_SERVING");
    expect(await watching.line()).toBe("Unavailable");
    await closed;
  });

  describe("grpcurl", () => {
    const url = (app: App, ...args: readonly string[]) => output(grpcurl, "-plaintext", hostOf(app), ...args);
    const post = async (app: App, message: string, method: string) =>
      JSON.parse(await output(grpcurl, "-plaintext", "-d", message, hostOf(app), method));

    test("a service with its .proto: list, describe, call", async () => {
      const app = await desk();
      expect((await url(app, "list")).trim().split("\n")).toEqual([
        "acme.desk.v1.DeskService",
        "grpc.health.v1.Health",
      ]);
      expect(await url(app, "describe")).toContain(
        "rpc Count ( .acme.desk.v1.CountRequest ) returns ( stream .acme.desk.v1.Number );",
      );
      expect(await url(app, "describe", "acme.desk.v1.Greeting")).toContain(
        ".google.protobuf.Timestamp at = 4;",
      );
      expect(await post(app, '{"name":"curl"}', "acme.desk.v1.DeskService/Greet")).toMatchObject({
        text: "Hello, curl",
        at: "2023-11-14T22:13:20Z",
        sideNotes: { first: { lines: ["a"] } },
      });
      expect(await url(app, "grpc.health.v1.Health/Check")).toContain('"status": "SERVING"');
      expect(await url(app, "acme.desk.v1.DeskService/Fail")).toContain("Code: FailedPrecondition");
    });

    test("a service without: the same", async () => {
      const app = await world.start([new DeskService()]);
      expect((await url(app, "list")).trim().split("\n")).toEqual(["desk.Desk", "grpc.health.v1.Health"]);
      expect(await url(app, "describe", "desk.Desk")).toContain(
        "rpc Sum ( stream .google.protobuf.Value ) returns ( .google.protobuf.Value );",
      );
      expect(await post(app, '{"name":"curl"}', "desk.Desk/Greet")).toEqual({
        text: "Hello, curl",
      });
      expect(await post(app, '{"n":1} {"n":2}', "desk.Desk/Sum")).toEqual({ sum: 3 });
      expect(await url(app, "describe", "desk.Task")).toContain("Symbol not found: desk.Task");
    });
  });

  test("our servers restart one by one under a grpc-go client that waits for ready: no call fails", async () => {
    const apps = [await desk(), await desk()];
    const hosts = () => `${apps.map(hostOf).join(" ")}\n`;
    const hammer = run(
      "hammer",
      protoFolder,
      "desk.proto",
      "acme.desk.v1.DeskService/Greet",
      '{"name":"Go"}',
    );
    hammer.child.stdin?.write(hosts());
    for (let round = 0; round < 4; round++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      apps.push(await desk());
      hammer.child.stdin?.write(hosts());
      expect(await hammer.line()).toBe("updated");
      // A resolver hears of it after the server itself has begun to leave.
      await apps.shift()?.close();
      hammer.child.stdin?.write(hosts());
      expect(await hammer.line()).toBe("updated");
    }
    hammer.child.stdin?.end();
    const { calls, failed, first } = JSON.parse(await hammer.line());
    expect({ failed, first }).toEqual({ failed: 0, first: null });
    expect(calls).toBeGreaterThan(500);
  }, 60_000);
});
