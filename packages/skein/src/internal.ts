export { createNodeRuntime } from "./node-runtime.ts";
