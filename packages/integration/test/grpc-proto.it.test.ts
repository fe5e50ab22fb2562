import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { ClientHttp2Session } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ClientUnaryCall, credentials, loadPackageDefinition, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import type { Logger } from "@skein/core";
import { silentLogger } from "@skein/core";
import { grpcDoor } from "@skein/grpc";
import { type App, Rpc, Service } from "skein";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProtoDeskService, protoFile } from "./grpc-desk.ts";
import { DeskService, framed, raw, useGrpc } from "./grpc-world.ts";

const world = useGrpc();
const protos = [{ service: "desk", file: protoFile }];

type Unary = (
  input: object,
  callback: (error: ServiceError | null, value: object) => void,
) => ClientUnaryCall;
interface DeskClient {
  readonly greet: Unary;
  count(input: object): AsyncIterable<object>;
  close(): void;
}

function deskClient(app: App): DeskClient {
  const loaded = loadPackageDefinition(loadSync(protoFile, { longs: String, enums: String })) as unknown as {
    acme: { desk: { v1: { DeskService: new (address: string, how: unknown) => DeskClient } } };
  };
  const client = new loaded.acme.desk.v1.DeskService(new URL(app.address).host, credentials.createInsecure());
  world.cleanup(() => client.close());
  return client;
}

describe("a service with its .proto", () => {
  test("speaks protobuf to a generated client, and JSON to who asks for it", async () => {
    const app = await world.start([new ProtoDeskService()], { grpc: { protos } });
    const desk = deskClient(app);
    const greeting = await new Promise((resolve, reject) =>
      desk.greet({ name: "Ann" }, (error, value) => (error === null ? resolve(value) : reject(error))),
    );
    expect(greeting).toMatchObject({ text: "Hello, Ann", big: "9007199254740993", tone: "WARM" });
    const numbers: object[] = [];
    for await (const number of desk.count({ to: 3 })) numbers.push(number);
    expect(numbers).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    const json = await raw(world.session(app), "/acme.desk.v1.DeskService/Greet", framed('{"name":"Bo"}'));
    expect(JSON.parse(json.body.subarray(5).toString())).toMatchObject({ text: "Hello, Bo" });
  });

  test("an answer that is none of the .proto's says what it lacks", async () => {
    @Service("desk")
    class WrongService {
      @Rpc() async greet(): Promise<string> {
        return "just a text";
      }
    }
    const desk = deskClient(await world.start([new WrongService()], { grpc: { protos } }));
    const error = await new Promise<ServiceError | null>((resolve) => desk.greet({ name: "" }, resolve));
    expect(error?.details).toBe(
      "/acme.desk.v1.DeskService/Greet was given what is no Greeting: .acme.desk.v1.Greeting: object expected",
    );
  });

  test("what the .proto and the service do not have in common is logged", async () => {
    @Service("desk")
    class PartService {
      @Rpc() async *greet(): AsyncGenerator<object> {}
      @Rpc() async more(): Promise<void> {}
    }
    const lines: string[] = [];
    const logger: Logger = {
      ...silentLogger,
      error: (_, line) => void lines.push(line),
      child: () => logger,
    };
    const app = await world.start([new PartService()], { log: logger, grpc: { protos } });
    await expect.poll(() => lines.length).toBeGreaterThan(5);
    expect(lines).toContain("grpc: acme.desk.v1.DeskService/Greet is unary, and desk.greet is server-stream");
    expect(lines).toContain(
      "grpc: acme.desk.v1.DeskService has Sum, and service desk has no endpoint for it",
    );
    expect(lines).toContain("grpc: service desk has more, and acme.desk.v1.DeskService has no method for it");
    const { headers } = await raw(world.session(app), "/acme.desk.v1.DeskService/Greet", framed("{}"));
    expect(headers["grpc-message"]).toBe(
      "nothing is served at /acme.desk.v1.DeskService/Greet: it is unary in the .proto, and desk.greet is server-stream",
    );
  });

  describe("wrong options", () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "skein-grpc-"));
    });
    afterAll(() => rm(folder, { recursive: true }));

    test.each([
      ["syntax = 'proto3'; message A {}", undefined, /a\.proto of service desk has no service$/],
      [
        "syntax = 'proto3'; service A {} service B {}",
        undefined,
        /has several services: choose one by name: A, B$/,
      ],
      ["syntax = 'proto3'; service A {}", "B", /has no service B: it has A$/],
      ["syntax proto3", undefined, /a\.proto of service desk cannot be loaded: /],
      [
        "syntax = 'proto3'; service A { rpc X(Y) returns (Y); }",
        undefined,
        /cannot be loaded: no such type: Y|cannot be loaded: .*Y/,
      ],
    ])("%s", async (text, name, message) => {
      const file = join(folder, "a.proto");
      writeFileSync(file, text);
      await expect(
        world.start([new ProtoDeskService()], { grpc: { protos: [{ service: "desk", file, name }] } }),
      ).rejects.toThrow(message);
    });

    test.each<[unknown, string]>([
      [
        { proto: [] },
        "grpcDoor: no option proto: there are protos, maxMessageBytes, requestMs, maxConnections",
      ],
      [{ protos: "a.proto" }, 'grpcDoor: option protos is "a.proto": give an array, as in [{ service: '],
      [{ protos: ["a.proto"] }, 'grpcDoor: option protos has "a.proto", without a service: give'],
      [{ protos: [{ service: "desk" }] }, "grpcDoor: option protos: service desk has no file: give"],
    ])("%j", (options, message) => expect(() => grpcDoor(options as never)).toThrow(message));

    test("numbers", () => {
      expect(() => grpcDoor({ maxMessageBytes: 0 })).toThrow(
        "grpcDoor: option maxMessageBytes is 0: give a whole number above 0",
      );
    });
  });
});

describe("grpc.health.v1", () => {
  const check = async (session: ClientHttp2Session, service: string): Promise<unknown> => {
    const { headers, body } = await raw(
      session,
      "/grpc.health.v1.Health/Check",
      framed(JSON.stringify({ service })),
    );
    return body.length === 0 ? headers["grpc-status"] : JSON.parse(body.subarray(5).toString()).status;
  };

  test("Check and List, for the whole and by each name", async () => {
    const app = await world.start([new ProtoDeskService()], { grpc: { protos } });
    const session = world.session(app);
    for (const name of ["", "desk", "acme.desk.v1.DeskService", "grpc.health.v1.Health"])
      expect(await check(session, name)).toBe("SERVING");
    expect(await check(session, "task")).toBe("5");
    const { body } = await raw(session, "/grpc.health.v1.Health/List", framed("{}"));
    expect(JSON.parse(body.subarray(5).toString())).toEqual({
      statuses: {
        "": { status: "SERVING" },
        desk: { status: "SERVING" },
        "acme.desk.v1.DeskService": { status: "SERVING" },
      },
    });
  });

  test("Watch follows readiness, services that come, and the drain", async () => {
    let well = true;
    const app = await world.start([new DeskService()], {
      health: { checks: { database: () => well } },
    });
    const session = world.session(app);
    const seen = watch(session, "desk");
    const late = watch(session, "order");
    await expect.poll(() => seen.statuses).toEqual(["SERVING"]);
    await expect.poll(() => late.statuses).toEqual(["SERVICE_UNKNOWN"]);
    well = false;
    await expect.poll(() => seen.statuses, { timeout: 5000 }).toEqual(["SERVING", "NOT_SERVING"]);
    well = true;
    await expect.poll(() => seen.statuses, { timeout: 5000 }).toEqual(["SERVING", "NOT_SERVING", "SERVING"]);
    @Service("order")
    class OrderService {
      @Rpc() async total(): Promise<number> {
        return 1;
      }
    }
    await app.add(new OrderService());
    await expect.poll(() => late.statuses, { timeout: 5000 }).toEqual(["SERVICE_UNKNOWN", "SERVING"]);
    await app.close();
    await expect.poll(() => seen.statuses).toEqual(["SERVING", "NOT_SERVING", "SERVING", "NOT_SERVING"]);
  });
});

function watch(session: ClientHttp2Session, service: string): { readonly statuses: readonly string[] } {
  const statuses: string[] = [];
  const stream = session.request({
    ":method": "POST",
    ":path": "/grpc.health.v1.Health/Watch",
    "content-type": "application/grpc+json",
  });
  stream.on("error", () => {});
  stream.on("data", (chunk: Buffer) => statuses.push(JSON.parse(chunk.subarray(5).toString()).status));
  stream.end(framed(JSON.stringify({ service })));
  return { statuses };
}
