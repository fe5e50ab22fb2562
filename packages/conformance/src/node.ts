/** For harnesses of what is real. Needs no test runner: child processes may use it. */
export { nodeRuntime } from "./node-runtime.ts";
export { TcpProxy } from "./tcp-proxy.ts";
