// Moleculer 0.14 over its TCP transporter, peers named instead of discovered by UDP; its serializer is left at JSON.
import moleculer from "moleculer";

const WAIT_MS = 15_000;
const MAX_PACKET_BYTES = 16 << 20;

function createBroker(nodeID, { port, sparePort }, own) {
  return new moleculer.ServiceBroker({
    nodeID,
    logger: false,
    namespace: `bench${port}`,
    transporter: {
      type: "TCP",
      options: {
        udpDiscovery: false,
        port: own,
        maxPacketSize: MAX_PACKET_BYTES,
        urls: [`tcp://127.0.0.1:${port}/server`, `tcp://127.0.0.1:${sparePort}/client`],
      },
    },
  });
}

export async function startServer(options) {
  const broker = createBroker("server", options, options.port);
  broker.createService({ name: "bench", actions: { getUser: (context) => options.getUser(context.params) } });
  await broker.start();
}

export async function connect(options) {
  const broker = createBroker("client", options, options.sparePort);
  await broker.start();
  await broker.waitForServices("bench", WAIT_MS);
  return { call: (request) => broker.call("bench.getUser", request), close: () => broker.stop() };
}
