import { registryConformance } from "@skein/conformance";
import { afterAll, beforeAll, describe } from "vitest";
import { natsHarness } from "../test/nats-harness.ts";
import { NatsServer, natsBinary } from "../test/nats-server.ts";

describe.skipIf(natsBinary() === undefined)("with a real nats-server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.start();
  });
  afterAll(() => server.close());

  registryConformance("nats", () => natsHarness(server));
  registryConformance("nats, with a namespace", () => natsHarness(server, "team-a.b"));
});
