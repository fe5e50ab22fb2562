export { createMemoryRegistry, type MemoryRegistryOptions } from "./memory.ts";
export { createStaticRegistry } from "./static.ts";
