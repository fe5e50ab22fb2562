import { busConformance } from "@skein/conformance";
import { nodeRuntime as runtime } from "@skein/conformance/node";
import { type EventBus, silentLogger } from "@skein/core";
import { afterAll, beforeAll, describe } from "vitest";
import { NatsServer, natsBinary } from "../test/nats-server.ts";
import { createEventBus } from "./create-event-bus.ts";

describe.skipIf(natsBinary() === undefined)("with a real nats-server", () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.startJetStream();
  });
  afterAll(() => server.close());

  const world = (query: string) => {
    const open: EventBus[] = [];
    return {
      connect() {
        const bus = createEventBus(`${server.url}/?${query}`, { runtime, logger: silentLogger });
        open.push(bus);
        return bus;
      },
      close: async () => void (await Promise.all(open.map((bus) => bus.close()))),
    };
  };

  busConformance("nats", { delivery: "at-most-once", create: () => world("prefix=core") });
  busConformance("nats with JetStream", {
    delivery: "at-least-once",
    redeliveryMs: 4000,
    create: () => world("prefix=kept&stream=KEPT&backoff=100ms"),
  });
});
