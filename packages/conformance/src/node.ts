/** For harnesses of what is real. Needs no test runner: child processes may use it. */
export { announceInstances, InstancesProcess, type InstancesProcessOptions } from "./instances-process.ts";
export { nodeRuntime } from "./node-runtime.ts";
export { freePort, ServerProcess, serverBinary } from "./server-process.ts";
export { TcpProxy } from "./tcp-proxy.ts";
