export { createRegistry, type EtcdOptions } from "./create-registry.ts";
