export { type ConsulOptions, createRegistry } from "./create-registry.ts";
