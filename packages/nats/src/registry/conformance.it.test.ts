import { registryConformance } from "@skein/conformance";
import { afterAll, beforeAll, describe } from "vitest";
import { kvHarness } from "../test/kv-harness.ts";
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

describe.skipIf(natsBinary() === undefined)("with a real nats-server and JetStream", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.startJetStream();
  });
  afterAll(() => server.close());

  registryConformance("nats, key-value", () => kvHarness(server));
  registryConformance("nats, key-value, with a namespace", () => kvHarness(server, "team-a.b"));
});
