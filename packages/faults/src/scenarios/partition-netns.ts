import type { Scenario } from "../scenario.ts";
import { namespaces, noNamespaces } from "../stage/namespaces.ts";
import type { ServiceProcess } from "../stage/service-process.ts";
import { underCut } from "./partition.ts";

export const packetLoss: Scenario = {
  name: "netns",
  fault: "the same by nftables in a network namespace: all packets lost",
  control: "no PING: silence says nothing",
  skip: noNamespaces,
  async run(stage, { full, control }) {
    const { command, address, cut, heal } = await namespaces(stage);
    const listen = `tcp://${address}:0`;
    const env = { SKEIN_LISTEN: listen, SKEIN_ADVERTISE: address };
    const [victim] = (await stage.startMany(3, { command, env })) as [ServiceProcess];
    return underCut(
      stage,
      { registry: stage.registry, victim: victim.pid, begin: () => cut(victim.port), heal },
      full ? 30_000 : 5000,
      control,
    );
  },
};
