import type { Scenario } from "./scenario.ts";
import { aborted } from "./scenarios/aborted.ts";
import { blocked } from "./scenarios/blocked.ts";
import { hops } from "./scenarios/hops.ts";
import { kill } from "./scenarios/kill.ts";
import { natsCluster } from "./scenarios/nats-cluster.ts";
import { natsKill, natsRolling } from "./scenarios/nats-instances.ts";
import { natsDown, natsFrozen, natsRestart } from "./scenarios/nats-outage.ts";
import { natsSlowConsumer } from "./scenarios/nats-slow-consumer.ts";
import { network } from "./scenarios/network.ts";
import { overloads } from "./scenarios/overload.ts";
import { partition } from "./scenarios/partition.ts";
import { packetLoss } from "./scenarios/partition-netns.ts";
import { clientPartition, serverPartition } from "./scenarios/partition-registry.ts";
import { registryDown, registryWiped } from "./scenarios/registry.ts";
import { rolling } from "./scenarios/rolling.ts";
import { slow } from "./scenarios/slow.ts";
import { stopped } from "./scenarios/stopped.ts";
import { storm } from "./scenarios/storm.ts";

export const SCENARIOS: readonly Scenario[] = [
  kill,
  rolling,
  stopped,
  slow,
  blocked,
  network,
  partition,
  packetLoss,
  clientPartition,
  serverPartition,
  registryDown,
  registryWiped,
  ...overloads,
  hops,
  aborted,
  storm,
  natsRestart,
  natsDown,
  natsFrozen,
  natsSlowConsumer,
  natsCluster,
  natsKill,
  natsRolling,
];
