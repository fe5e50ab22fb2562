export { createRegistry, type DnsRegistryOptions } from "./dns-registry.ts";
