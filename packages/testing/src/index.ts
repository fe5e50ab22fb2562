export { FakeClock } from "@skein/core/testing";
export { type Cluster, type ClusterNode, type ClusterOptions, createCluster } from "./cluster.ts";
export { type FakeRegistry, fakeRegistry } from "./fake-registry.ts";
