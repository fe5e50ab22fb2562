import { transportConformance } from "@skein/conformance";
import { nodeRuntime } from "@skein/conformance/node";
import { silentLogger } from "@skein/core";
import { afterAll, beforeAll, describe } from "vitest";
import { createTransport } from "./index.ts";
import { NatsServer, natsBinary } from "./test/nats-server.ts";

describe.skipIf(natsBinary() === undefined)("with a real nats-server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server.close());

  let n = 0;
  transportConformance("nats", {
    create: () => ({
      transport: createTransport(server.url, { runtime: nodeRuntime, logger: silentLogger }),
      address: `nats://test.${++n}`,
      nowhere: "nats://test.nobody",
      close: () => {},
    }),
  });
});
