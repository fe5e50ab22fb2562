// Moleculer 0.14 over its TCP transporter, peers named instead of discovered by UDP, or over NATS; its serializer is left at JSON.
import { Readable } from "node:stream";
import moleculer from "moleculer";

const WAIT_MS = 15_000;
/** Messages asked for at once: the server of a stream cannot be told to stop or to wait. */
const AT_ONCE = 1000;
const MAX_PACKET_BYTES = 16 << 20;

function createBroker(nodeID, { port, sparePort, variant, nats }, own) {
  const tcp = {
    type: "TCP",
    options: {
      udpDiscovery: false,
      port: own,
      maxPacketSize: MAX_PACKET_BYTES,
      urls: [`tcp://127.0.0.1:${port}/server`, `tcp://127.0.0.1:${sparePort}/client`],
    },
  };
  const transporter = variant === "nats" ? nats : tcp;
  return new moleculer.ServiceBroker({ nodeID, logger: false, namespace: `bench${port}`, transporter });
}

export async function startServer(options) {
  const { getUser } = options;
  async function* users(request) {
    for (let i = 0; i < request.count; i++) yield getUser(request);
  }
  const broker = createBroker("server", options, options.port);
  broker.createService({
    name: "bench",
    actions: {
      getUser: (context) => getUser(context.params),
      streamUsers: (context) => Readable.from(users(context.params)),
    },
  });
  await broker.start();
}

export async function connect(options) {
  const broker = createBroker("client", options, options.sparePort);
  await broker.start();
  await broker.waitForServices("bench", WAIT_MS);
  return {
    call: (request) => broker.call("bench.getUser", request),
    async *stream(request) {
      for (let left = request.count; left > 0; left -= AT_ONCE)
        yield* read(await broker.call("bench.streamUsers", { ...request, count: Math.min(left, AT_ONCE) }));
    },
    close: () => broker.stop(),
  };
}

/** To its end, even after a break: what is still sent must not fall on others. */
async function* read(stream) {
  const users = stream[Symbol.asyncIterator]();
  try {
    for (let next = await users.next(); !next.done; next = await users.next()) yield next.value;
  } finally {
    while (!(await users.next()).done);
  }
}
