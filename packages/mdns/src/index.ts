export { createRegistry, type MdnsOptions } from "./create-registry.ts";
