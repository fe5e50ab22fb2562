export { createLocalRegistry, type LocalRegistryOptions } from "./local.ts";
export { localDirectory } from "./local-directory.ts";
export { createMemoryRegistry, type MemoryRegistryOptions } from "./memory.ts";
export { createStaticRegistry } from "./static.ts";
