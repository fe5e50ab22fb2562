export { createCluster, type Cluster, type ClusterNode, type ClusterOptions } from "./cluster.ts";
export { type FakeRegistry, fakeRegistry } from "./fake-registry.ts";
export { FakeClock } from "@skein/core/testing";
